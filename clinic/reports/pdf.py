"""A report as PDF (PDF/UA-1: readable by a screen reader), and its pages as pictures for a preview."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import typst

from clinic import words
from clinic.reports.content import Report
from fer_core.errors import FerError

TEMPLATE = Path(__file__).with_name("report.typ")
SHIPPED = ("fontpkg_noto_sans", "fontpkg_noto_sans_arabic")
"""Packages with fonts: Latin, Greek, Cyrillic, Devanagari; Arabic."""
FONTS = (
    "Noto Sans", "Noto Sans Arabic", "Noto Sans CJK SC", "Noto Sans CJK TC", "Noto Sans CJK JP", "Noto Sans CJK KR",
    "Noto Sans Hebrew", "Noto Sans Thai", "DejaVu Sans",
)  # fmt: skip
"""In the order in which they are tried. Those that aren't shipped are the system's, or lie in the folder of fonts."""
_MISSING = re.compile(r'the text `"(.*?)"` could not be displayed')


def pdf(report: Report, fonts: Path) -> bytes:
    """Return the report as PDF; `fonts`: a folder with more fonts, which may be missing.

    Raises FerError ``font_missing`` where a character would be a gap.
    """
    try:
        made = typst.compile(TEMPLATE.read_bytes(), pdf_standards=["ua-1"], **_options(report, fonts))
    except typst.TypstError as error:
        missing = _MISSING.search(str(error))
        if missing is None:
            raise
        raise FerError(
            f"No font on this computer has these characters: {missing[1]}. Please have a font for this script"
            " installed, or leave these characters out.",
            "font_missing",
        ) from None
    return bytes(made)


def pages(report: Report, fonts: Path) -> list[str]:
    """Return the report's pages as SVG, letters drawn as shapes. Raises FerError ``font_missing``."""
    pdf(report, fonts)
    made: Any = typst.compile(TEMPLATE.read_bytes(), format="svg", **_options(report, fonts))
    return [page.decode() for page in (made if isinstance(made, list) else [made])]


def _options(report: Report, fonts: Path) -> dict[str, Any]:
    shipped = [str(files(package) / "files") for package in SHIPPED]
    return {"font_paths": [*shipped, str(fonts)], "sys_inputs": {"data": json.dumps(_data(report))}}


def _data(report: Report) -> dict[str, Any]:
    made = dict(report.made)
    return {
        **asdict(report),
        "author": made["Made by"],
        "description": words.DISCLAIMER,
        "footer": f"{words.DISCLAIMER} {report.whose}",
        "fonts": FONTS,
        "notes": [asdict(note) | {"rtl": from_right(note.text)} for note in report.notes],
    }


def from_right(text: str) -> bool:
    """Return whether a text runs from right to left: its first letter says so."""
    strong = (unicodedata.bidirectional(letter) for letter in text)
    return next((kind != "L" for kind in strong if kind in ("L", "R", "AL")), False)
