"""Papers: whatever stands in what they show, none of it becomes HTML."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from clinic import paper as papers
from clinic.consent import notice
from tests.web.test_page import Hostile

NAMES = sorted(papers.TEMPLATES.list_templates(["html"]))
PARTS = {"parts.html"}
"""What others are made of."""


@pytest.mark.parametrize("name", [name for name in NAMES if name not in PARTS])
def test_a_script_in_whatever_a_paper_shows_is_text(name):
    shown = papers.TEMPLATES.overlay(undefined=Hostile).get_template(name).render()
    assert "<script" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;" in shown


@pytest.mark.parametrize("name", NAMES)
def test_no_template_turns_the_escaping_off(name):
    text = (Path(papers.__file__).parent / "templates" / name).read_text("utf-8")
    assert not re.search(r"\|\s*safe|autoescape|<script|\son\w+=|javascript:", text)


def test_a_value_that_is_not_given_is_an_error_and_no_empty_paper():
    with pytest.raises(UndefinedError):
        papers.paper("notice.html")


def test_the_policy_of_the_notice_allows_its_style_alone(settings):
    (style,) = re.findall(r"<style>(.*?)</style>", notice.page(settings), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in notice.POLICY
