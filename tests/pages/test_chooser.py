"""Choices: no two labels alike, and what was chosen is an id."""

from dataclasses import dataclass
from datetime import date, time

import pytest
from streamlit.testing.v1 import AppTest

from pages import chooser


@dataclass
class Someone:
    id: str
    name: str
    code: str = ""
    born_on: date | None = None


def test_patients_of_one_name_are_distinguished():
    labels = chooser.patient_labels(
        [
            Someone("a" * 32, "Anna Müller", "17"),
            Someone("b" * 32, "Anna Müller", born_on=date(1990, 2, 3)),
            Someone("c" * 32, "Anna Müller"),
            Someone("d" * 32, "anna  mu\u0308ller"),
        ]
    )
    assert list(labels.values()) == [
        "Anna Müller · 17",
        "Anna Müller · born 3 Feb 1990",
        "Anna Müller · cccccc",
        "anna  mu\u0308ller · dddddd",
    ]


@dataclass
class Recorded:
    visit_number: int
    recorded_on: date = date(2026, 5, 4)
    recorded_time: time | None = None
    kind: str = "video"


def test_recordings_of_one_day_are_distinguished():
    assert chooser.visit(Recorded(2)) == "4 May 2026 · Video · no. 2"
    assert (
        chooser.visit(Recorded(3, recorded_time=time(14, 5), kind="pictures")) == "4 May 2026, 14:05 · Pictures · no. 3"
    )


def test_patients_of_one_name_and_birth_date_are_distinguished_in_dialogs():
    twins = [Someone(letter * 32, "Anna Müller", born_on=date(1990, 2, 3)) for letter in "ab"]
    assert [chooser.whose(twin) for twin in twins] == [
        "**Anna Müller** · born 3 Feb 1990 · ID aaaaaa",
        "**Anna Müller** · born 3 Feb 1990 · ID bbbbbb",
    ]


@pytest.mark.parametrize("ids", [("aaaaaa1", "aaaaaa2"), ("aaaaaaaaaaaa1", "aaaaaaaaaaaa2")])
def test_as_much_of_the_id_as_tells_them_apart(ids):
    labels = chooser.unique(dict.fromkeys(ids, "A"))
    assert len(set(labels.values())) == 2


def test_a_made_label_is_not_somebody_s_name():
    labels = chooser.unique({"a" * 32: "A", "b" * 32: "A", "c" * 32: "A · aaaaaa"})
    assert len(set(labels.values())) == 3


def page(labels, start):
    import streamlit as st

    from pages import chooser

    st.session_state["result"] = chooser.choose("Whose", labels, "whose", start=start)


def opened(labels, start=None):
    return AppTest.from_function(page, args=(labels, start), default_timeout=60).run()


def again(app, labels, start=None):
    app._script_path, args = app._script_path, (labels, start)
    app.args = args
    return app.run()


def test_the_choice_stays_where_labels_change_and_ends_where_the_option_is_gone():
    app = opened({"1": "Adam", "2": "Berta", "3": "Carl"}, "1")
    app.selectbox[0].set_value("2").run()
    assert app.session_state["result"] == "2"
    again(app, {"4": "Aaron", "1": "Adam", "2": "Berta Neu", "3": "Carl"}, "1")
    assert app.session_state["result"] == "2"
    again(app, {"1": "Adam", "3": "Carl"}, "1")
    assert app.session_state["result"] is None, "never somebody else"
    assert [one.value for one in app.warning] == [chooser.GONE]
    again(app, {"1": "Adam", "3": "Carl"}, "1")
    assert app.session_state["result"] is None
