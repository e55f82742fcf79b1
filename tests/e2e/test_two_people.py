"""Two people at once, equal names, ordinary haste: what is done is done to what was on the screen, or to nothing."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from clinic.accounts.accounts import grant
from db.models import Access, Patient, Recording, Role
from tests import doors
from tests.clinic.fakes import eventually
from tests.e2e.conftest import settled

pytestmark = pytest.mark.e2e
no_analysis = pytest.mark.usefixtures("no_worker")

DAY = date(2026, 11, 20)


@pytest.fixture
def stored(account):
    """Return a function that tells which recordings are stored: of whom, on which day, with which note."""

    def read():
        with account.read() as session:
            return [(one.patient_id, one.recorded_on, one.note) for one in session.scalars(select(Recording))]

    return read


@pytest.fixture
def revise(account):
    """Return a function that does what a colleague's Save does to a patient."""

    def change(patient_id, **values):
        with account.session() as session:
            session.execute(
                update(Patient).where(Patient.id == patient_id).values(revision=Patient.revision + 1, **values)
            )

    return change


def options(page, label):
    """Open a choice and return the texts of its options."""
    settled(page)

    def opened():
        # Where the page is drawn again just then, the list closes: it is opened once more.
        if page.get_by_role("option").count() == 0:
            page.get_by_role("combobox", name=label).click()
        page.wait_for_timeout(200)
        return page.get_by_role("option").all_inner_texts()

    return eventually(opened, within_s=60)


def pick(page, label, number):
    found = options(page, label)
    page.get_by_role("option").nth(number).click()
    settled(page)
    return found


def upload(page, clip):
    page.locator("input[type=file]").set_input_files(clip)
    page.get_by_text("Uploaded.").wait_for()
    settled(page)


def start(page):
    page.get_by_role("button", name="Start analysis").click()


def type_day(page, text):
    """Type a day as people do, digit by digit. The box sends it when it is left."""
    page.get_by_test_id("stDateInput").get_by_role("spinbutton").first.click()
    page.keyboard.type(text.replace("-", ""), delay=50)


def shown_notes(page, *notes):
    return [note for note in notes if page.get_by_text(f"Note: {note}").count()]


@no_analysis
def test_a_recording_goes_to_the_patient_on_the_screen(add_patient, revise, stored, window, server, clip):
    first, second = add_patient("Anna Twin"), add_patient("Anna Twin")
    carl = add_patient("Carl C")

    # Two patients of one name: the form was opened on the first one's own page.
    page = window(at=f"patient?patient={first}")
    page.get_by_role("button", name="Add a recording").click()
    upload(page, clip)
    page.get_by_text(f"To be stored for Anna Twin · ID {first[:6]}").wait_for()
    start(page)
    page.get_by_role("heading", name="Recorded on").wait_for()
    assert [patient for patient, *_ in stored()] == [first]

    # Opened from the first one's page, the third is chosen; colleagues rename and add others meanwhile.
    page.goto(f"{server}/record?patient={first}")
    upload(page, clip)
    texts = pick(page, "Patient", 2)
    assert len(set(texts)) == 3
    page.get_by_text("To be stored for Carl C").wait_for()
    revise(second, name="Zoe Twin")
    add_patient("Aaron New")
    start(page)
    page.get_by_role("heading", name="Carl C").wait_for()
    eventually(lambda: [patient for patient, *_ in stored()] == [first, carl])


@no_analysis
def test_what_changed_on_the_way_is_refused_with_a_sentence(add_patient, account, revise, stored, window, server, clip):
    adam, berta = add_patient("Adam A"), add_patient("Berta B")
    page = window(at=f"record?patient={adam}")
    upload(page, clip)
    pick(page, "Patient", 1)
    page.get_by_text("To be stored for Berta B").wait_for()
    revise(berta, name="Bertha B")
    start(page)
    page.get_by_text("Nothing was done: what was on the screen has changed").first.wait_for()
    page.get_by_text("To be stored for Bertha B").wait_for()
    assert stored() == []

    with account.session() as session:
        session.delete(session.get_one(Patient, berta))
    start(page)
    page.get_by_text("What was chosen is no longer there").wait_for()
    page.get_by_text("Nothing was done").first.wait_for()
    settled(page)
    assert page.get_by_role("button", name="Start analysis").is_disabled()
    assert stored() == []


def test_start_pressed_twice_stores_one_recording_and_no_error(add_patient, stored, window, server, clip):
    anna = add_patient("Anna A")
    page = window(at=f"record?patient={anna}")
    upload(page, clip)
    page.get_by_role("button", name="Start analysis").dblclick()
    page.get_by_role("heading", name="Recorded on").wait_for()
    page.get_by_text("It does not count in the trend").wait_for(timeout=120_000)
    assert page.get_by_text("Code:").count() == page.get_by_text("Nothing was done").count() == 0
    assert page.get_by_text("analysed for this patient before").count() == 0
    assert len(stored()) == 1


@no_analysis
def test_a_file_of_another_patient_is_reported_before_the_start(add_patient, stored, window, server, clip):
    """Two of one name and birth date: on every page and in every dialog the short id says who it is."""
    first, second = (add_patient("Anna Twin", born_on=date(1990, 2, 3)) for _ in range(2))
    page = window(at=f"record?patient={first}")
    upload(page, clip)
    page.get_by_text(f"To be stored for Anna Twin · born 3 Feb 1990 · ID {first[:6]}").wait_for()
    start(page)
    page.get_by_role("heading", name="no. 1").wait_for()
    page.goto(f"{server}/record?patient={second}")
    upload(page, clip)
    page.get_by_text(f"The same file is stored for Anna Twin · born 3 Feb 1990 · ID {first[:6]} too").wait_for()
    assert page.get_by_role("button", name="Start analysis").is_enabled()
    assert [patient for patient, *_ in stored()] == [first]
    page.goto(f"{server}/patient?patient={second}")
    page.get_by_role("button", name="Export").click()
    page.get_by_role("dialog").get_by_text(f"ID {second[:6]}").first.wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Consent is valid").click()
    page.get_by_role("button", name="Record consent").click()
    page.get_by_role("dialog").get_by_text(f"ID {second[:6]}").first.wait_for()


@no_analysis
def test_a_file_that_is_named_as_another_patient_is_reported_before_the_start(add_patient, window, clip, tmp_path):
    bea, mark = add_patient("Bea Batch"), add_patient("Mark Twelve")
    page = window(at=f"record?patient={bea}")
    upload(page, Path(shutil.copy(clip, tmp_path / "Mark Twelve 2026-04-05.mp4")))
    page.get_by_text("Another patient is named by Mark Twelve 2026-04-05.mp4: Mark Twelve").wait_for()
    assert page.get_by_text(f"ID {mark[:6]}").first.is_visible()
    assert page.get_by_role("button", name="Start analysis").is_enabled()


@no_analysis
def test_add_pressed_twice_adds_one_patient(account, window, server):
    page = window()
    for name, is_like in (("Bea Once", False), ("Bea Once", True)):
        page.get_by_role("button", name="Add patient").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name or code").fill(name)
        if is_like:
            dialog.get_by_role("button", name="Add", exact=True).click()
            dialog.get_by_text("This is somebody else").click()
            settled(page)
        dialog.get_by_role("button", name="Add", exact=True).dblclick()
        # The second click may cut off the run of the first one, which the page says then.
        added = page.get_by_role("heading", name=name)
        added.or_(page.get_by_text("Please check whether it was done")).first.wait_for()
        page.goto(server)
        page.get_by_role("heading", name="Caseload").wait_for()
    with account.read() as session:
        assert [one.name for one in session.scalars(select(Patient))] == ["Bea Once"] * 2


@no_analysis
def test_what_is_shown_is_what_is_deleted(add_patient, add_recording, stored, window, server):
    zed = add_patient("Zed Zulu", code="Z-7")
    add_recording(zed, "MORNING", 0.9, seed=1)
    evening = add_recording(zed, "EVENING", 0.01, seed=2)
    page = window(at=f"recording?id={evening}")
    page.get_by_text("Note: EVENING").wait_for()
    page.get_by_role("link", name="All recordings of this patient").click()
    texts = pick(page, "Open a recording", 1)
    assert len(set(texts)) == 2
    page.get_by_text("Note: MORNING").wait_for()
    page.get_by_role("button", name="Next").click()
    page.get_by_text("Note: EVENING").wait_for()
    page.get_by_role("button", name="Angry-like").click()
    settled(page)
    assert shown_notes(page, "MORNING", "EVENING") == ["EVENING"]

    page.get_by_role("button", name="Delete this recording").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Delete", exact=True).wait_for()
    buttons = dialog.get_by_role("button").all_inner_texts()
    assert buttons.index("Keep everything") < next(n for n, text in enumerate(buttons) if text.endswith("Delete"))
    dialog.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_text("nothing was deleted").wait_for()
    dialog.get_by_role("textbox").fill("z-7")
    dialog.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_text("Permanently erased: 1 recording").wait_for()
    assert [note for *_, note in stored()] == ["MORNING"]


@no_analysis
def test_a_hand_over_moves_the_patients_that_both_administrators_were_shown(account, window, server):
    ada, ben = doors.add_account(account, "Ada"), doors.add_account(account, "Ben")
    doors.add_account(account, "Second", Role.ADMINISTRATOR)

    def add():
        with account.session() as session:
            stored = Patient(name="Of Ada", created_at=datetime.now(UTC))
            session.add(stored)
            session.flush()
            grant(session, ada, stored.id)
            return stored.id

    first = add()
    page = window(at="accounts")
    page.locator(f"[class*='{ada}']").get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text(f"On this caseload: ID {first[:6]}").wait_for()
    dialog.get_by_role("combobox", name="Hand the patient over to").click()
    page.get_by_role("option", name="Ben").click()
    settled(page)
    dialog.get_by_role("button", name="Hand over").click()
    page.get_by_text("Another administrator has to confirm it.").wait_for()
    came = add()
    second = window("Second", at="accounts")
    second.get_by_text(f"To be moved: ID {first[:6]}", exact=True).wait_for()
    second.get_by_text("Added to this caseload after the request: 1 patient, not part of it").wait_for()
    second.get_by_role("button", name="Confirm").click()
    second.get_by_role("button", name="Confirm").wait_for(state="detached")
    with account.read() as session:
        assert set(session.execute(select(Access.patient_id, Access.account_id))) == {(first, ben), (came, ada)}


@no_analysis
def test_two_people_edit_one_patient(add_patient, add_recording, account, window, server):
    zed = add_patient("Zed Zulu")
    add_recording(zed, "MORNING")
    one, other = (window(at=f"patient?patient={zed}") for _ in range(2))
    for page in (one, other):
        page.get_by_role("button", name="Edit", exact=True).click()
        page.get_by_role("dialog").get_by_label("Note").wait_for()
    one.get_by_role("dialog").get_by_label("Note").fill("what one saw\non two lines")
    one.get_by_role("dialog").get_by_role("button", name="Save").click()
    one.get_by_text("what one saw").wait_for()
    other.get_by_role("dialog").get_by_label("Note").fill("what the other saw")
    # In haste: the second half of a double click decides nothing.
    other.get_by_role("dialog").get_by_role("button", name="Save").dblclick()
    other.get_by_text("Another user changed this patient after you opened it").wait_for()
    settled(other)
    assert other.get_by_role("dialog").get_by_text("on two lines").is_visible()
    with account.read() as session:
        assert session.get_one(Patient, zed).note == "what one saw\non two lines"
    other.get_by_role("dialog").get_by_text("Replace what is stored").click()
    settled(other)
    # The comparison with what is stored meanwhile has fewer parts, and nothing of the first one stays below it.
    with account.session() as session:
        stored = session.get_one(Patient, zed)
        stored.note, stored.revision = "a third", stored.revision + 1
    other.get_by_role("dialog").get_by_role("button", name="Save").click()
    other.get_by_text("stored now a third, yours what the other saw").wait_for()
    settled(other)
    replace = other.get_by_role("dialog").get_by_role("checkbox", name="Replace what is stored")
    assert [box.is_checked() for box in replace.all()] == [False]
    assert other.get_by_role("dialog").get_by_text("on two lines").count() == 0
    other.get_by_role("dialog").get_by_text("Replace what is stored").click()
    settled(other)
    other.get_by_role("dialog").get_by_role("button", name="Save").click()
    other.get_by_role("dialog").wait_for(state="detached")
    with account.read() as session:
        assert session.get_one(Patient, zed).note == "what the other saw"


@no_analysis
def test_an_open_window_on_what_a_colleague_deleted(add_patient, add_recording, account, stored, window, server):
    zed = add_patient("Zed Zulu")
    morning, evening = add_recording(zed, "MORNING", seed=1), add_recording(zed, "EVENING", seed=2)
    page = window(at=f"recording?id={evening}")
    page.get_by_text("Note: EVENING").wait_for()
    settled(page)
    with account.session() as session:
        session.delete(session.get_one(Recording, evening))
    page.get_by_text("This recording does not exist any more").wait_for()
    assert page.get_by_role("button", name="Delete this recording").count() == 0

    page.goto(f"{server}/recording?id={morning}")
    page.get_by_role("button", name="Edit day and note").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Note").fill("late")
    with account.session() as session:
        session.delete(session.get_one(Patient, zed))
    page.get_by_text("This recording does not exist any more").wait_for()
    form.wait_for(state="detached")
    assert stored() == []


def test_the_day_of_a_recording(add_patient, stored, window, server, clip):
    anna = add_patient("Anna A", born_on=date(1988, 5, 6))
    page = window(at=f"record?patient={anna}")
    box = page.get_by_test_id("stDateInput").locator("input")
    box.wait_for()
    upload(page, clip)
    for wrong in ("1988-05-05", "2099-01-01"):
        type_day(page, wrong)
        page.get_by_label("Note (optional)").click()
        page.get_by_text("a day from the patient's birth to today").wait_for()
        assert box.input_value() == wrong
        settled(page)
        assert page.get_by_role("button", name="Start analysis").is_disabled()
    # Straight from the box to the button: what is typed counts, although the page hasn't run with it yet.
    type_day(page, "1988-05-07")
    page.get_by_label("Note (optional)").click()
    page.get_by_text("recorded on 7 May 1988").wait_for()
    type_day(page, "1988-05-06")
    start(page)
    page.get_by_role("heading", name="Recorded on 6 May 1988").wait_for()
    page.get_by_text("It does not count in the trend").wait_for(timeout=120_000)

    # The same file with the corrected day: said, and taken over when asked.
    page.goto(f"{server}/record?patient={anna}")
    box.wait_for()
    type_day(page, "2015-05-14")
    page.get_by_label("Note (optional)").click()
    page.get_by_text("recorded on 14 May 2015").wait_for()
    # A file whose name bears a day doesn't take the typed one away.
    named = clip.with_name("VID_20260405_010203.mp4")
    named.write_bytes(clip.read_bytes())
    page.get_by_label("Note (optional)").fill("archive tape")
    page.keyboard.press("Tab")
    upload(page, named)
    page.get_by_text("The file says 5 Apr 2026").wait_for()
    start(page)
    page.get_by_text("Recorded on: stored 6 May 1988, typed now 14 May 2015").wait_for()
    page.get_by_text("Note: stored –, typed now archive tape").wait_for()
    assert stored() == [(anna, date(1988, 5, 6), "")]
    page.get_by_role("button", name="Store what was typed now").click()
    page.get_by_role("heading", name="Recorded on 14 May 2015").wait_for()
    assert stored() == [(anna, date(2015, 5, 14), "archive tape")]


@no_analysis
def test_back_and_forth_between_two_patients_and_two_tabs(add_patient, add_recording, window, server, stored):
    anna, zed = add_patient("Anna A"), add_patient("Zed Zulu")
    of_anna, of_zed = add_recording(anna, "OF ANNA"), add_recording(zed, "OF ZED")
    page = window(at=f"recording?id={of_anna}")
    page.get_by_text("Note: OF ANNA").wait_for()
    tab = page.context.new_page()
    tab.goto(f"{server}/recording?id={of_zed}")
    tab.get_by_text("Note: OF ZED").wait_for()
    page.bring_to_front()
    page.get_by_role("link", name="All recordings of this patient").click()
    page.get_by_role("button", name="Add a recording").click()
    page.get_by_role("button", name="Start analysis").wait_for()
    page.go_back()
    page.get_by_role("heading", name="Anna A").wait_for()
    page.get_by_role("tab", name="Recordings").click()
    pick(page, "Open a recording", 0)
    page.get_by_text("Note: OF ANNA").wait_for()
    page.get_by_role("button", name="Delete this recording").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("Anna A")
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    page.get_by_text("Permanently erased: 1 recording").wait_for()
    assert [note for *_, note in stored()] == ["OF ZED"]
    tab.bring_to_front()
    tab.get_by_role("button", name="Angry-like", exact=True).click()
    settled(tab)
    assert shown_notes(tab, "OF ZED", "OF ANNA") == ["OF ZED"]
