"""The lines of the caseload as one table, drawn by the browser: fifty patients cost the server one message."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from clinic import words
from clinic.consent.consent import ANALYSIS, Ending, Scope
from clinic.consent.scopes import SCOPES
from clinic.patients.digests import SmallTrend
from clinic.patients.listing import CaseloadLine
from clinic.patients.needs import Need
from clinic.phrases import counted, interval, usable_percent
from fer_core.emotions import Emotion
from pages import chooser, links
from pages.charts.figures import title
from pages.charts.palette import COLORS
from pages.widgets import clock, day, percent

ASSETS = Path(__file__).parent / "assets"
SHOWN = (Emotion.HAPPY, Emotion.SAD)

_component = st.components.v2.component(
    "caseload_table",
    html=(ASSETS / "caseload.html").read_text("utf-8"),
    css=(ASSETS / "caseload.css").read_text("utf-8"),
    js=(ASSETS / "caseload.js").read_text("utf-8"),
)


def show_lines(lines: Sequence[CaseloadLine], turns: int) -> None:
    """Draw the table, and go to the patient who is clicked. `turns`: how often a page was turned."""
    trends = [{"name": title(words.EXPRESSIONS[one]), "color": COLORS[one]} for one in SHOWN]
    data = {"trends": trends, "rows": [_row(line) for line in lines], "turns": turns}
    opened = _component(key="caseload_table", data=data, on_opened_change=_nothing).opened
    # A click may arrive after the list has changed: it opens the patient that was shown, whose page checks access.
    if re.fullmatch(r"[0-9a-f]{32}", opened or ""):
        st.switch_page(links.PATIENT, query_params={"patient": opened})


def _row(line: CaseloadLine) -> dict[str, Any]:
    """Return a line as the browser draws it: text alone, which is never taken for HTML."""
    return {
        "id": line.id,
        "name": line.name,
        "identity": chooser.identity_text(line),
        "badges": list(_badges(line)),
        "needs": list(_needs(line)),
        "last": day(line.last_recorded_on),
        "recordings": counted(line.recordings, "recording"),
        "usable": usable_percent(line.trend.usable if line.trend is not None else None),
        "usable_of": _which(line.trend, -1) if line.trend is not None and line.trend.days else "",
        "trends": _trends(line),
    }


def _badges(line: CaseloadLine) -> Sequence[str]:
    badges = []
    if line.demo:
        badges.append("Invented")
    if line.emergency_until is not None:
        badges.append(f"Emergency access until {clock(line.emergency_until)}")
    if line.movement_only:
        badges.append("Labels not interpreted")
    if line.closed:
        over = [one for one in line.endings if one.over and one.scope is Scope.KEEP_RESULTS]
        text = ending(over) or "no consent"
        badges.append(f"Closed: {text[0].lower()}{text[1:]}" if line.recordings else f"{text[0].upper()}{text[1:]}")
    return badges


def _needs(line: CaseloadLine) -> Iterator[str]:
    """Yield in words why a patient needs attention; consents with the day on which they end or ended."""
    for need in line.needs:
        if need is not Need.CONSENT_ENDS:
            yield words.NEEDS[need]
            continue
        for over in (True, False):
            text = ending([one for one in line.endings if one.over is over])
            if text:
                yield text


def ending(found: Sequence[Ending]) -> str:
    """Return on which day consents end or ended: those needed for analyses and results come first."""
    first = next((one for one in found if one.scope in ANALYSIS), next(iter(found), None))
    if first is None:
        return ""
    to = "" if first.scope in ANALYSIS else f" to {SCOPES[first.scope]}"
    return f"Consent{to} {'ended' if first.over else 'ends'} on {day(first.last_day)}"


def _trends(line: CaseloadLine) -> list[dict[str, Any] | None]:
    if line.trend is None or line.movement_only:
        return []
    return [_small(line.trend, emotion) for emotion in SHOWN]


def _small(trend: SmallTrend, emotion: Emotion) -> dict[str, Any] | None:
    """Return the small trend of an expression, None where no recording counts."""
    shares = trend.shares[emotion.label]
    counting = [place for place, share in enumerate(shares) if share is not None]
    if not counting:
        return None
    values = [share for share in shares if share is not None]
    # As exact as the drawing needs, which the browser receives; what is said comes from the figures themselves.
    points = [
        {"day": trend.days[at], "line": trend.lines[at], "share": round(share, 4)}
        for at, share in zip(counting, values, strict=True)
    ]
    of = _which(trend, counting[-1])
    usual = [trend.low[emotion.label], trend.high[emotion.label]] if trend.low and trend.high else None
    # The range belongs to the line of the newest recording, not to another one.
    held = usual if usual is not None and points[-1]["line"] == trend.lines[-1] else None
    ends = trend.intervals[emotion.label] if trend.intervals else (None, None)
    return {
        "points": points,
        "usual": held,
        "last": percent(values[-1]),
        "interval": interval(*ends).strip(" ()"),
        "of": of,
        "said": _said(values, held, of, ends),
    }


def _which(trend: SmallTrend, place: int) -> str:
    """Return of which recording a figure is, which need not be the last one: that may not count, or not be done yet."""
    number = f", no. {trend.numbers[place]}" if trend.numbers else ""
    return f"{day(trend.dates()[place])}{number}"


def _said(shares: Sequence[float], usual: Sequence[float] | None, of: str, ends: Sequence[float | None]) -> str:
    """Return in words what a small trend shows. `of`: its newest recording; `ends`: the interval of its share."""
    count = counted(len(shares), "recording")
    latest = f"latest {percent(shares[-1])}{f', 95 % interval{known}' if (known := interval(*ends)) else ''} ({of})"
    said = f"{latest}, from {percent(min(shares))} to {percent(max(shares))} in {count}"
    return f"{said}, usual range {percent(usual[0])} to {percent(usual[1])}" if usual else said


def _nothing() -> None:
    """Keep the click, to be read after the run."""
