"""Accounts, for administrators: add, disable, reset a password, change a role, hand a caseload over."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

import streamlit as st

from clinic import clock, words
from clinic.access import Actor, Role
from clinic.accounts import accounts, handover, identities, sessions, totp
from clinic.accounts.accounts import AccountRow
from clinic.phrases import counted
from pages import actions, chooser, links
from pages.session import actor
from pages.views.conflict import saved
from pages.views.zone import zone_form
from pages.widgets import show_errors
from web.resources import resources

WIDTHS = [3, 1.6, 2.6, 1.3, 1.2]
ROLES = [Role.CLINICIAN, Role.VIEWER, Role.ADMINISTRATOR]


@actions.dialog("New account")
def add(who: Actor) -> None:
    """Ask for a new account."""
    with show_errors(), st.form("add_account", border=False):
        name = st.text_input("Name", max_chars=accounts.NAME_MAX, help="The name that the person signs in with.")
        role = choose_role("new", ROLES[0])
        for explained in ROLES:
            st.caption(f"{words.ROLES[explained]}: {words.ROLE_MEANINGS[explained]}")
        target, db = actions.opening("add_account"), resources().db
        if actions.submit("Add", "add_account", target, kind="primary"):
            hand_out(name, actions.once("add_account", target, lambda: accounts.add(db, who, name, role)))


def choose_role(whose: str, start: Role) -> Role:
    """Draw the choice of a role."""
    labels = {role.value: words.ROLES[role] for role in ROLES}
    return Role(chooser.choose("Role", labels, f"role:{whose}", start=start.value) or start)


@actions.dialog("Change account")
def change(who: Actor, row: AccountRow, others: list[AccountRow]) -> None:
    """Change what an account may do."""
    with show_errors():
        db = resources().db
        st.markdown(f"**{links.plain_text(row.name)}**")
        target = actions.at(row.id, row.revision)
        with st.form(f"role:{row.id}", border=False):
            role = choose_role(target, row.role)
            wanted = actions.submit("Save", "save_role", target)
        if saved(row.id, row.revision, wanted, lambda seen: accounts.set_role(db, who, row.id, role, seen)):
            st.rerun()
        if actions.action("Reset password", "reset_password", target, icon=":material/key:"):
            hand_out(
                row.name,
                actions.once("reset_password", target, lambda: accounts.reset_password(db, who, row.id, row.revision)),
            )
        st.caption(
            "Ends all sign-ins of this account and all its tokens for programs; a new first password is shown once."
        )
        if row.second_step:
            if actions.action("Reset second step", "reset_step", target, icon=":material/phonelink_erase:"):
                totp.reset(db, who, row.id)
                st.rerun()
            st.caption(
                "For a user who lost both the telephone and the recovery codes. Ends all sign-ins of this account."
            )
        if row.disabled:
            if actions.action("Enable", "enable", target, icon=":material/lock_open:"):
                actions.once("enable", target, lambda: accounts.enable(db, who, row.id, row.revision))
                st.rerun()
        elif actions.action("Disable", "disable", target, icon=":material/block:"):
            actions.once("disable", target, lambda: accounts.disable(db, who, row.id, row.revision))
            st.rerun()
        st.caption(
            "A disabled account is signed out everywhere at once, and its tokens for programs end; its caseload stays"
            " until it is handed over."
        )
        if resources().settings.provider is not None:
            link(who, row)
        if row.patients and others:
            hand_over(who, row, others)


def link(who: Actor, row: AccountRow) -> None:
    """Say who the account is at the sign-in provider."""
    provider = resources().settings.provider
    db, target = resources().db, actions.at(row.id, row.revision)
    with st.form(f"link:{row.id}", border=False):
        text = "As the provider knows this person. The first sign-in there links the account to it."
        named = st.text_input(
            "E-mail address or subject at the provider", value=row.provider or "", help=text, key=f"named:{target}"
        )
        wanted = actions.submit("Link", "link", target)
    if provider is not None:
        issuer = provider.issuer
        record = f"link of {row.id}"
        if saved(record, row.revision, wanted, lambda seen: identities.link(db, who, row.id, issuer, named, seen)):
            st.rerun()
    if row.provider and actions.action("End the link", "unlink", target, icon=":material/link_off:"):
        actions.once("unlink", target, lambda: identities.unlink(db, who, row.id, row.revision))
        st.rerun()


def hand_over(who: Actor, row: AccountRow, others: list[AccountRow]) -> None:
    """Offer to move the caseload as it is shown: by ids, because administrators see no names of others' patients."""
    # Another caseload makes another button: a click applies only to the patients that were shown.
    target = f"{actions.at(row.id, row.revision)}:{chooser.digest(row.patients)}"
    with st.form(f"hand_over:{row.id}", border=False):
        count = "the patient" if len(row.patients) == 1 else f"all {counted(len(row.patients), 'patient')}"
        st.caption("On this caseload: " + id_list(row.patients))
        names = {other.id: other.name for other in others}
        taker = chooser.choose(f"Hand {count} over to", names, f"taker:{target}")
        needs = {"the account that takes them over": taker}
        if actions.submit("Hand over", "hand_over", target, needs=needs) and taker is not None:
            db = resources().db
            actions.once(
                "hand_over", target, lambda: handover.hand_over(db, who, row.id, taker, row.revision, row.patients)
            )
            st.rerun()
        st.caption("If there is a second administrator, the patients move when the second administrator confirms.")


def show_requests(who: Actor) -> None:
    """Draw the caseloads that wait to be handed over, each with the ids of the patients who would move."""
    for one in handover.waiting(resources().db, who):
        giver, taker, by = (links.plain_text(name) for name in (one.giver, one.taker, one.asked_by))
        with st.container(border=True):
            asked = counted(len(one.patients) + one.left, "patient")
            st.markdown(f"**{by}** asks to hand {asked} of **{giver}** over to **{taker}**.")
            show_requested(one)
            target = f"{one.id}:{chooser.digest(sorted(one.patients))}"
            if one.own:
                st.caption("Another administrator has to confirm it.")
            elif one.patients and actions.action("Confirm", "confirm-hand-over", target, "primary"):
                db = resources().db
                actions.once("confirm-hand-over", target, partial(handover.confirm, db, who, one.id, one.patients))
                st.rerun()
            if actions.action("Withdraw this request" if one.own else "Refuse", "refuse-hand-over", target):
                actions.once("refuse-hand-over", target, partial(handover.refuse, resources().db, who, one.id))
                st.rerun()


def show_requested(one: handover.Request) -> None:
    """Say who would move, and what changed on the caseload after the request."""
    if one.patients:
        st.caption("To be moved: " + id_list(one.patients))
    if one.left:
        st.info(
            f"No longer on this caseload, so not moved: {counted(one.left, 'patient')} of the request.",
            icon=":material/info:",
        )
    if one.since:
        st.info(
            f"Added to this caseload after the request: {counted(one.since, 'patient')}, not part of it and not moved.",
            icon=":material/info:",
        )


def id_list(patients: Collection[str]) -> str:
    """Return patients as administrators see those of others: by ids alone."""
    return ", ".join(f"ID {chooser.short_id(one)}" for one in sorted(patients))


def hand_out(name: str, password: str) -> None:
    """Show a first password on the page, once."""
    st.session_state["handed_out"] = (" ".join(name.split()), password)
    st.rerun()


def show_handed_out() -> None:
    """Show the password that was just made, until it is said to be written down."""
    if "handed_out" not in st.session_state:
        return
    name, password = st.session_state["handed_out"]
    with st.container(border=True):
        st.markdown(f"First password of **{links.plain_text(name)}**, shown only once:")
        st.code(password, language=None)
        st.caption("Give it to the person directly. It must be changed at the first sign-in.")
        if actions.action("I have written it down", "written_down", name, "primary"):
            del st.session_state["handed_out"]
            actions.forget_results()
            st.rerun()


def show_line(who: Actor, row: AccountRow, rows: list[AccountRow]) -> None:
    """Draw one account's line."""
    with st.container(border=True):
        name, role, condition, patients, button = st.columns(WIDTHS, vertical_alignment="center")
        name.markdown(links.plain_text(row.name) + (" (you)" if row.id == who.account_id else ""))
        role.write(words.ROLES[row.role])
        condition.write(condition_of(row))
        patients.write(str(len(row.patients)))
        with button:
            wanted = actions.action("Change", "change", row.id, wide=True, opens=True)
        if wanted:
            change(
                who, row, [other for other in rows if other.id not in (row.id, who.account_id) and not other.disabled]
            )


def condition_of(row: AccountRow) -> str:
    """Return in words whether the account can be used, and is."""
    if row.disabled:
        return "Disabled"
    if row.must_change:
        return "Has a first password"
    here = row.seen_at is not None and clock.within(row.seen_at, sessions.IDLE, clock.now())
    return "Signed in" if here else "–"


who = actor()
title, button = st.columns([4, 1], vertical_alignment="bottom")
title.title("Accounts")
with button:
    add_one = actions.action(
        "Add account", "ask_account", "accounts", "primary", ":material/person_add:", wide=True, opens=True
    )
if add_one:
    actions.open_dialog("add_account")
    add(who)
show_handed_out()
show_requests(who)
for column, caption in zip(st.columns(WIDTHS), ["Name", "Role", "State", "Patients", ""], strict=True):
    column.caption(caption)
found = accounts.list_accounts(resources().db, who)
for row in found:
    show_line(who, row, found)
st.caption(words.ACCOUNTS_SEE_OWN)
st.header("Time zone of the clinic")
zone_form(who, "page")
