"""The HTML of papers (reports, the notice for patients): templates that escape by themselves what they are given."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
"""What a template asks for and isn't given is an error."""


def paper(template: str, **shown: object) -> str:
    """Return the page of a template of `clinic/templates`, with its ending, with what it shows."""
    return TEMPLATES.get_template(template).render(shown)
