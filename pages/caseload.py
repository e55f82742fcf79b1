"""All patients, fifty on a page: who needs attention, the last recording, small trends; and a form for a new one."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from clinic import words
from clinic.patients import caseload, doubles, fields, listing, visibility
from clinic.patients.listing import PAGE, CaseloadQuery, Only, Order, Page
from pages import actions, chooser, links
from pages.session import actor
from pages.views.caseload_table import show_lines
from pages.views.doubles import hint, keep_others
from pages.views.importing import import_dialog, show_imports
from pages.views.sharing import ask_for_emergency
from pages.views.stays import while_listed
from pages.views.transfer import show_receipt
from pages.widgets import day_input, show_errors
from web.resources import resources

ORDERS: dict[str, str] = {Order.NEEDS_YOU: "Needs you", Order.NAME: "Name", Order.LAST_SEEN: "Last seen"}
FILTERS: dict[str, str] = {
    Only.ALL: "All",
    Only.NEEDS_YOU: "Needs you",
    Only.NO_CONSENT: "No consent",
    Only.NO_RECORDING: "No recording",
}
TURNS = "caseload_turns"


@actions.dialog("New patient")
def add_patient() -> None:
    """Ask for a new patient, and go on to that patient's page."""
    with show_errors(), st.form("add_patient", border=False):
        name = st.text_input("Name or code", max_chars=fields.NAME_MAX)
        left, right = st.columns(2)
        code = left.text_input("Code (optional)", max_chars=fields.CODE_MAX, help=words.CODE)
        with right:
            born_on = day_input("Date of birth (optional)", None, "born_on")
        note = st.text_area("Note (optional)", max_chars=fields.NOTE_MAX, height=100)
        target = actions.opening("add_patient")
        wanted = actions.submit("Add", "add_patient", target, kind="primary")
    with show_errors(), hint(target) as accepted:
        if wanted:
            db, who = resources().db, actor()

            def add() -> str:
                doubles.need_no_other(db, who, fields.PatientFields(name, note, code, born_on), None, accepted)
                return caseload.add_patient(db, who, name, note, code=code, born_on=born_on)

            patient_id = actions.once("add_patient", target, add)
            keep_others(patient_id, doubles.others(db, who, patient_id))
            st.switch_page(links.PATIENT, query_params={"patient": patient_id})


def ask() -> CaseloadQuery:
    """Draw the search, the filter and the order; return what is asked for, from the first page where that changed."""
    search_box, order_box = st.columns([2, 1.6], vertical_alignment="bottom")
    search = search_box.text_input(
        "Search", placeholder="Search by name, code or note", label_visibility="collapsed", key="search"
    )
    with order_box:
        order = Order(chooser.switch("Sorted by", ORDERS, "caseload_order"))
    only = Only(chooser.switch("Shown", FILTERS, "caseload_filter"))
    asked = CaseloadQuery(search, order, only)
    if st.session_state.get("caseload_asked") != asked:
        st.session_state["caseload_asked"], st.session_state["caseload_page"] = asked, 0
    return replace(asked, page=st.session_state["caseload_page"])


def show_page(found: Page) -> None:
    """Draw the lines of a page, and the ways to the pages around it."""
    show_lines(found.lines, st.session_state.get(TURNS, 0))
    said, back, on = st.columns([4, 1, 1], vertical_alignment="center")
    first = found.page * PAGE + 1
    said.caption(f"{first} to {first + len(found.lines) - 1} of {found.found}. {words.SMALL_TRENDS} {words.DISCLAIMER}")
    if found.pages > 1:
        with back:
            earlier = actions.action(
                "Previous", "page", f"{found.page}<", disabled=found.page == 0, wide=True, opens=True
            )
        last = found.page == found.pages - 1
        with on:
            later = actions.action("Next", "page", f"{found.page}>", disabled=last, wide=True, opens=True)
        if earlier or later:
            turn(found.page + (1 if later else -1))


def turn(page: int) -> None:
    """Go on to another page of the list."""
    st.session_state["caseload_page"] = page
    st.session_state[TURNS] = st.session_state.get(TURNS, 0) + 1
    st.rerun()


who = actor()
title, import_button, button = st.columns([3.5, 1, 1], vertical_alignment="bottom")
title.title("Caseload")
if who.writes:
    with import_button:
        bring_in = actions.action(
            "Import", "ask_import", "caseload", icon=":material/unarchive:", wide=True, opens=True
        )
    with button:
        add = actions.action(
            "Add patient", "ask_patient", "caseload", "primary", ":material/person_add:", wide=True, opens=True
        )
    if bring_in:
        actions.open_dialog("import")
        import_dialog()
    elif add:
        actions.open_dialog("add_patient")
        add_patient()
show_receipt()
show_imports()
asked = ask()
found = listing.page(resources().db, who, asked)
if found.lines:
    while_listed(who, visibility.states(resources().db, who, [line.id for line in found.lines]))
    show_page(found)
elif asked.search:
    st.info("No patient matches this search.", icon=":material/search:")
elif asked.only is not Only.ALL:
    st.info("No patient is in this choice. “All” shows everybody.", icon=":material/filter_alt:")
elif who.writes:
    with st.container(border=True):
        st.header("Welcome")
        st.write(words.FIRST_STEPS)
else:
    st.info(words.NOTHING_SHARED, icon=":material/info:")
if who.writes and actions.action(
    "Emergency access to a patient of others",
    "ask_emergency",
    "caseload",
    "tertiary",
    ":material/emergency:",
    opens=True,
):
    ask_for_emergency()
