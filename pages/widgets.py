"""Small pieces that every page uses: errors as sentences, dates, charts with their sentences."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, tzinfo
from textwrap import wrap
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from clinic import clock as program_clock
from clinic import words
from clinic.admin import zones
from clinic.conflicts import ConflictError, Difference
from clinic.jobs.obstacles import refusal_of
from clinic.patients.states import RecordingStanding, Tone
from clinic.phrases import day as day  # the pages' one way to write a date
from clinic.phrases import percent as percent
from fer_core.errors import FerError
from pages import actions, clicks
from pages.links import plain_lines, plain_sentence, plain_text
from web.resources import resources
from web.streamlit_protocol import ROWS

log = logging.getLogger(__name__)

STANDINGS = {
    Tone.GOOD: (st.success, "check_circle"),
    Tone.NEUTRAL: (st.info, "info"),
    Tone.ATTENTION: (st.warning, "info"),
    Tone.BAD: (st.error, "info"),
}
DAY_COLUMN = st.column_config.DateColumn(format="D MMM YYYY")
"""How a table shows days: as `day` does, and sorted as days."""
LETTER_PX, LINE_PX, CELL_PX = 6.5, 19, 18
"""About how wide a letter of a table is, how high a line, and what a cell has beside and around its text."""
CHART_CONFIG = {"displaylogo": False, "displayModeBar": False, "scrollZoom": False}


def jpeg_uri(jpeg: bytes) -> str:
    """Return a picture as a data URI, so that it has no address from which anyone could fetch it."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")


def show_error(error: Exception) -> None:
    """Show an error: a refusal in its own sentence, anything else in one that reveals nothing."""
    st.error(plain_sentence(sentence_of(error)), icon=":material/info:")
    error = refusal_of(error) or error
    if isinstance(error, FerError):
        for one in error.differences if isinstance(error, ConflictError) else ():
            _show_difference(one)
        if out_of_date := _out_of_date(error):
            st.write(out_of_date)
        st.caption(words.ERROR_CODE.format(code=error.code))
        return
    # The kind and the place alone are logged: a message may hold a name or a part of a file.
    log.error("unexpected %s at %s", type(error).__name__, _place(error))


def _out_of_date(error: Exception) -> str:
    """Return what to do where a window shows what is no longer stored: it goes on with what it was opened with."""
    error = refusal_of(error) or error
    if isinstance(error, ConflictError) and not error.differences and actions.in_window():
        return "Close this window and open it again: it then shows what is stored now."
    return ""


def _show_difference(one: Difference) -> None:
    if "\n" not in one.stored + one.wanted:
        st.markdown(f"{one.field}: stored now **{plain_text(one.stored)}**, yours **{plain_text(one.wanted)}**")
        return
    # In a sentence two texts that differ in their lines alone would read the same.
    for whose, text in ((f"{one.field}: stored now", one.stored), ("Yours", one.wanted)):
        st.markdown(whose)
        with st.container(border=True):
            st.markdown(plain_lines(text))


def sentence_of(error: Exception) -> str:
    """Return what is said of an error: a refusal in its own sentence, anything else in one that reveals nothing."""
    error = refusal_of(error) or error
    if isinstance(error, FerError):
        return error.message
    return "Something went wrong on this page. Nothing was lost; please try again."


@contextmanager
def show_errors() -> Iterator[None]:
    """Show an error of what runs inside instead of a trace."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  # the last line of defence of the page
        show_error(error)
        clicks.refused(" ".join(filter(None, [sentence_of(error), _out_of_date(error)])))


def on_script_error(error: Exception) -> bool:
    """Show an error that escaped a page, such as a callback's; True makes Streamlit show nothing more."""
    show_error(error)
    return True


def small_print(text: str) -> None:
    """Draw a text of the program with a link in it in small letters: in a caption a link would be too pale to read."""
    st.markdown(f":small[{text}]")


def show_standing(standing: RecordingStanding) -> None:
    """Say how a recording stands; a green tick only where nothing is missing."""
    box, icon = STANDINGS[standing.tone]
    box(plain_sentence(standing.sentence), icon=f":material/{icon}:")


@contextmanager
def unfolded(label: str, key: str) -> Iterator[bool]:
    """Draw into a part of the page that is folded at first; yield whether it is unfolded, for what takes long to draw.

    Without a part of its own around it (`actions.part`) the whole page is drawn again when somebody unfolds it.
    """
    box = st.expander(label, key=f"unfolded:{key}", on_change="rerun")
    with box:
        yield bool(box.open)


def chart(figure: Any, key: str, alt: str, disclaimer: bool = True) -> None:
    """Draw a figure with the sentence that says what it shows and what it does not."""
    st.plotly_chart(figure, key=key, config=CHART_CONFIG, alt=alt)
    if disclaimer:
        st.caption(words.DISCLAIMER)


def chart_of_recordings(figure: Any, key: str, alt: str) -> str | None:
    """Draw a figure whose points are recordings; return the id of the one that was clicked."""
    event = st.plotly_chart(figure, key=key, config=CHART_CONFIG, alt=alt, on_select="rerun", selection_mode="points")
    st.caption(words.DISCLAIMER)
    chosen = [point["customdata"][0] for point in event["selection"]["points"] if point.get("customdata")]
    return str(chosen[0]) if chosen and chosen[0] else None


def chart_of_cells(figure: Any, key: str, alt: str) -> tuple[int, int] | None:
    """Draw a confusion matrix; return the true and the given label of the cell that was clicked."""
    event = st.plotly_chart(figure, key=key, config=CHART_CONFIG, alt=alt, on_select="rerun", selection_mode="points")
    chosen = [point["customdata"] for point in event["selection"]["points"] if point.get("customdata")]
    return (int(chosen[0][0]), int(chosen[0][1])) if chosen else None


def row_height(rows: Sequence[Mapping[str, Any]], widths: Mapping[str, int]) -> int | None:
    """Return the height in px of a table's rows that shows the longest text of columns so wide in px; None for a line.

    Where rows are higher than one line, the table breaks the text of its cells.
    """
    texts = [(str(row[name] or ""), width) for row in rows for name, width in widths.items() if name in row]
    lines = max((len(wrap(text, max(8, int((width - CELL_PX) / LETTER_PX)))) for text, width in texts), default=1)
    return None if lines <= 1 else LINE_PX * lines + CELL_PX


def table_of_recordings(rows: list[dict[str, Any]], ids: list[str], key: str, **look: Any) -> str | None:
    """Draw a table with one row for each recording of `ids`; return the id of the one whose row was clicked."""
    # Another list is another table: a click in one does not apply to a row of the other, which the page says.
    table = f"{ROWS}{key}:{hash(tuple(ids))}"
    clicks.met(table)
    event = st.dataframe(rows, hide_index=True, key=table, on_select="rerun", selection_mode="single-row", **look)
    chosen = event["selection"]["rows"]
    return ids[chosen[0]] if chosen and chosen[0] < len(ids) else None


def day_input(
    label: str, value: date | None, key: str, on_change: Callable[..., None] | None = None, args: tuple[Any, ...] = ()
) -> date | None:
    """Draw the box of a day; return what is typed in it, which the caller's store function checks.

    It is typed in ISO 8601 order, which nobody reads as another day. Streamlit ignores a day outside of the
    box's own range and keeps the previous one, so the range is that of the calendar.
    """
    return st.date_input(
        label,
        value=value,
        min_value=date.min,
        max_value=date.max,
        format="YYYY-MM-DD",
        key=key,
        on_change=on_change,
        args=args,
    )


def clock(value: datetime) -> str:
    """Return the time of day of an instant, such as ``14:05``, in the clinic's zone."""
    return f"{value.astimezone(zone()):%H:%M}"


def today() -> date:
    """Return the day that it is in the clinic."""
    return program_clock.now().astimezone(zone()).date()


def day_of(value: datetime | None) -> str:
    """Return on which of the clinic's days an instant fell, as people read it; a dash for none."""
    return day(value.astimezone(zone()).date() if value is not None else None)


def instants(title: str) -> tuple[str, Any]:
    """Return the name of a table's column of instants, with the clinic's zone, and how it is shown."""
    return f"{title} ({zone()})", st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm", timezone=str(zone()))


def duration(seconds: float | None) -> str:
    """Return a length of time in words, such as ``1 min 12 s``; a dash for none."""
    if seconds is None:
        return "–"
    if seconds < 1:
        # A short time is never shown as zero.
        return f"{seconds:.2g} s"
    if round(seconds) < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def position(seconds: float) -> str:
    """Return a place in a recording, such as ``1:02:07.4`` for an hour, two minutes and 7.4 seconds."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{clock}:{rest // 10:02d}.{rest % 10}"


def zone() -> tzinfo:
    """Return the clinic's time zone; the browser's until an administrator was here."""
    chosen = zones.chosen(resources().db)
    if chosen is not None:
        return chosen.zone
    try:
        return ZoneInfo(st.context.timezone or "")
    except (ValueError, ZoneInfoNotFoundError):
        return UTC


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace is not None else "unknown"
