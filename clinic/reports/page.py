"""A report as one page of HTML that needs nothing else: no script, no address, and print styles of its own."""

from __future__ import annotations

from markupsafe import Markup

from clinic.paper import paper
from clinic.reports.content import Report

POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html(report: Report) -> str:
    """Return the report as HTML; every text in it is escaped."""
    # The drawing is the program's own (clinic/reports/axis.py), without a word of people.
    drawing = Markup(report.chart.svg) if report.chart is not None else ""  # noqa: S704
    return paper("report.html", report=report, drawing=drawing, policy=POLICY, whose=css_string(report.whose))


def css_string(text: str) -> Markup:
    """Return text as a string of CSS, each letter by its number, so that none ends the string or its element."""
    return Markup('"{}"').format(Markup("").join(f"\\{ord(letter):x} " for letter in text))
