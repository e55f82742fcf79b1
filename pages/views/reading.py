"""The results of one recording as a whole: how reliable it is, shares with intervals, movement, episodes."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from clinic import words
from clinic.phrases import counted
from clinic.recordings import findings
from clinic.recordings.readings import AnalysisResult
from fer_core.emotions import Emotion
from fer_core.reading.intervals import Floats
from fer_core.reading.reading import Episode, Light, Reading
from fer_core.types import Status
from pages.charts.figures import title
from pages.charts.reading import shares_figure
from pages.charts.timeline import cell_length_s, cells
from pages.views.convert import moments
from pages.views.player import ListedStretch
from pages.widgets import chart, duration, position, small_print

LISTED = 10
"""Episodes that are listed beside the player; the table has all."""


def show_light(reading: Reading) -> None:
    """Draw how reliable the recording is."""
    said = findings.basis(reading)
    if reading.light is Light.GOOD:
        st.badge(said, icon=":material/check_circle:", color="green")
    else:
        limited = reading.light is Light.LIMITED
        st.badge(said, icon=":material/info:" if limited else ":material/block:", color="orange" if limited else "gray")


def show_reading(result: AnalysisResult, key: str) -> None:
    """Draw the shares of the labels, how much the face moved, and the derived index."""
    reading = result.reading
    if reading is None or not reading.shares:
        small_print(words.NO_SHARES)
        return
    chart(
        shares_figure(reading, words.EXPRESSIONS, result.adjusted), f"shares_{key}", "Share of the usable time by label"
    )
    size = (
        f" This recording is worth about {counted(reading.size, 'independent moment')}. [How](#how)"
        if reading.usable_s
        else ""
    )
    small_print(words.SHARES_INTERVAL + size if reading.interval_known else words.SHARES_TOO_SHORT)
    adjusted = words.ADJUSTED if result.adjusted is not None else words.NOT_ADJUSTED.format(reason=result.not_adjusted)
    small_print(adjusted)
    show_mouth(reading, key)
    columns = st.columns(3)
    columns[0].metric("Movement of the face", _number(reading.movement), help=words.MOVEMENT)
    columns[1].metric("Valence index", _index(reading.valence, reading.valence_reach), help=words.CIRCUMPLEX)
    columns[2].metric("Arousal index", _index(reading.arousal, reading.arousal_reach), help=words.CIRCUMPLEX)


def show_mouth(reading: Reading, key: str) -> None:
    """Draw the shares of the time in which the mouth moves beside those of the time in which it is still."""
    parts = {"Mouth moving": reading.moving, "Mouth still": reading.still}
    known = {name: part for name, part in parts.items() if part is not None}
    if not known:
        return
    whole = sum(part.seconds or 0.0 for part in known.values())
    moving = reading.moving.seconds or 0.0 if reading.moving is not None else 0.0
    small_print(words.MOUTH.format(moving=round(100 * moving / whole)))
    columns = {
        f"{name} ({part.seconds:.0f} s)": [
            f"{100 * share:.0f} % ({100 * low:.0f} to {100 * high:.0f})"
            for share, low, high in zip(part.shares, part.low, part.high, strict=True)
        ]
        for name, part in known.items()
    }
    rows = {"Label": [title(label) for label in words.TREND_NAMES.values()]} | columns
    st.dataframe(rows, hide_index=True, key=f"mouth_{key}")


def show_episodes(result: AnalysisResult, key: str) -> None:
    """List the stretches in which one label stands out."""
    with st.expander(f"Episodes ({len(result.episodes)})", key=f"folded:episodes:{key}"):
        small_print(words.EPISODES)
        if result.episodes:
            st.dataframe([_episode_row(episode) for episode in result.episodes], hide_index=True, key=f"episodes_{key}")


def longest(episodes: Sequence[Episode]) -> list[ListedStretch]:
    """Return the ten longest episodes as moments, the longest first."""
    found = sorted(episodes, key=lambda episode: episode.onset_s - episode.end_s)[:LISTED]
    return [
        ListedStretch(
            one.onset_s, one.end_s, f"{title(words.EXPRESSIONS[one.emotion])}, {one.end_s - one.onset_s:.1f} s"
        )
        for one in found
    ]


def show_transitions(counts: Floats, key: str) -> None:
    """Draw how often one label followed another."""
    with st.expander("Transitions between labels", key=f"folded:transitions:{key}"):
        st.caption(words.TRANSITIONS)
        names = [title(name) for name in words.TREND_NAMES.values()]
        rows = [
            {"From": name, **{to: int(count) for to, count in zip(names, row, strict=True)}}
            for name, row in zip(names, counts.tolist(), strict=True)
        ]
        st.dataframe(rows, hide_index=True, key=f"transitions_{key}")


def show_values(result: AnalysisResult, key: str) -> None:
    """Draw the values behind the chart as a table, in at most 600 rows."""
    with st.expander("The chart as a table", key=f"folded:values:{key}"):
        gathered = cells(moments(result.series))
        st.caption(f"Each row covers {duration(cell_length_s(gathered))}.")
        rows = [
            {"From": position(cell.begin_s), "Label": _said(cell.label)}
            | {title(words.EXPRESSIONS[emotion]): _share(cell.probabilities, emotion) for emotion in Emotion}
            for cell in gathered
        ]
        st.dataframe(rows, hide_index=True, key=f"values_{key}")


def _said(label: Emotion | Status) -> str:
    return title(words.EXPRESSIONS[label] if isinstance(label, Emotion) else words.STATUSES[label])


def _share(probabilities: Sequence[float] | None, emotion: Emotion) -> float | None:
    return round(probabilities[emotion], 3) if probabilities is not None else None


def _episode_row(episode: Episode) -> dict[str, str | float]:
    return {
        "Expression": title(words.EXPRESSIONS[Emotion(episode.emotion)]),
        "Onset": position(episode.onset_s),
        "Apex": position(episode.apex_s),
        "End": position(episode.end_s),
        "Length (s)": round(episode.end_s - episode.onset_s, 1),
    }


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _index(value: float | None, reach: float | None) -> str:
    """Return an index with its 95 % interval."""
    return "–" if value is None or reach is None else f"{value:+.2f} ± {reach:.2f}"
