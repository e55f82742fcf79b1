"""The pages outside Streamlit: whatever stands in what they show, none of it becomes HTML."""

import asyncio
import base64
import hashlib
import re
from pathlib import Path

import pytest
from jinja2 import Undefined, UndefinedError
from starlette.requests import Request

from tests import loops
from web import page as pages

SCRIPT = "<script>alert(1)</script>\"'&"
NAMES = sorted(name.removesuffix(".html") for name in pages.TEMPLATES.list_templates(["html"]))
PARTS = {"base", "parts", "patient_mode"}
"""Templates that others are made of."""
OTHERWISE = [
    ("account", {"since": None}),
    ("hand_over", {"patient": None}),
    ("intended_use", {"must_accept": False}),
    ("tokens", {"listed": []}),
]
"""What has to be given so that the other half of a template is shown."""
OF_NOTHING = {"signed_in", "thank_you"}
"""Pages that show nothing from outside."""


class Hostile(Undefined):
    """Whatever a template asks for: a script as text, as each of its attributes, and as each of its items."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Hostile(name=name)

    def __getitem__(self, key):
        return Hostile(name=str(key))

    def __str__(self):
        return SCRIPT

    def __iter__(self):
        return iter((Hostile(name="first"), Hostile(name="second")))

    def __bool__(self):
        return True

    def __gt__(self, other):
        return True


@pytest.mark.parametrize(("name", "given"), [*((name, {}) for name in NAMES if name not in PARTS), *OTHERWISE])
def test_a_script_in_whatever_a_page_shows_is_text(name, given):
    templates = pages.TEMPLATES.overlay(undefined=Hostile)
    shown = templates.get_template(f"{name}.html").render(given)
    assert "<script" not in shown
    assert "onerror" not in re.sub(r"<style>.*?</style>", "", shown, flags=re.DOTALL)
    assert ("&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;" in shown) == (name not in OF_NOTHING)


def test_every_template_is_tried():
    assert len(NAMES) == len(list((Path(pages.__file__).parent / "templates").glob("*.html"))) > 15


def test_a_value_that_is_not_given_is_an_error_and_no_empty_page():
    with pytest.raises(UndefinedError):
        pages.page("sign_in", said="")


@pytest.mark.parametrize("name", NAMES)
def test_no_template_turns_the_escaping_off(name):
    text = (Path(pages.__file__).parent / "templates" / f"{name}.html").read_text("utf-8")
    assert not re.search(r"\|\s*safe|autoescape|<script|\son\w+=|javascript:", text)


def test_the_policy_allows_the_style_of_the_page_and_nothing_else():
    answer = pages.page("thank_you")
    (style,) = re.findall(r"<style>(.*?)</style>", answer.body.decode(), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in answer.headers["Content-Security-Policy"]
    assert "script-src" not in answer.headers["Content-Security-Policy"]


def form(*messages):
    """A form whose body comes in these pieces; after the last one nothing comes any more."""
    left = list(messages)

    async def receive():
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def piece(content, more=True):
    return {"type": "http.request", "body": content, "more_body": more}


@pytest.mark.attack("a form whose body never comes to its end, and one whose sender leaves")
def test_a_form_that_does_not_come_is_an_empty_one(monkeypatch, attack):
    assert loops.run(pages.read_form(form(piece(b"a=1&"), piece(b"b=2", more=False)))) == {"a": "1", "b": "2"}
    assert loops.run(pages.read_form(form(piece(b"a=" + b"1" * pages.FORM_BYTES)))) == {}
    attack(lambda: loops.run(pages.read_form(form(piece(b"a=1"), {"type": "http.disconnect"}))), {})
    monkeypatch.setattr(pages, "FORM_WITHIN_S", 0.01)
    attack(lambda: loops.run(pages.read_form(form(piece(b"a=1")))), {})
    assert not pages._COMING


@pytest.mark.attack("hundreds of forms at once whose bodies don't come: whether somebody else's is read")
def test_the_slowest_of_too_many_forms_is_given_up(monkeypatch, attack):
    monkeypatch.setattr(pages, "MOST_FORMS", 3)

    async def tried():
        slow = [asyncio.create_task(pages.read_form(form(piece(b"a=1")))) for _ in range(8)]
        await asyncio.sleep(0)
        found = await pages.read_form(form(piece(b"name="), piece(b"ada", more=False)))
        while sum(task.done() for task in slow) < 6:
            await asyncio.sleep(0)
        assert [task.done() for task in slow] == [True] * 6 + [False] * 2
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return found

    attack(lambda: loops.run(tried()), {"name": "ada"})
    assert not pages._COMING
