"""Each page, empty, full and failing, without a browser."""

import ast
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from clinic.access import Role
from clinic.accounts import accounts
from clinic.admin import demo
from clinic.children import PROGRAM_DIR
from clinic.patients import caseload, listing, sharing
from clinic.patients.listing import CaseloadQuery, Only
from clinic.recordings import uploads
from db.engine import open_database
from db.models import Account, Job, Recording, new_id
from fer_core.model import model_card
from storage.media import open_store
from storage.sealed import sealing
from tests import consents
from web.resources import resources

SHELL = Path(__file__).parents[2] / "pages" / "shell.py"


@pytest.fixture(autouse=True)
def who(enter):
    """The clinician who is signed in."""
    return enter()


@pytest.fixture
def patients(who):
    """The invented patients."""
    db = resources().db
    demo.fill(db)
    with db.session() as session:
        accounts.take_orphans(session, session.get_one(Account, who.account_id))
    return caseload.list_patients(db, who)


def open_page(name, **query):
    """Open a page inside the shell; returns what it shows."""
    page = AppTest.from_file(str(SHELL), default_timeout=60).run()
    if name != "caseload":
        page.switch_page(f"{name}.py")
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception, page.exception
    return page


def text_of(page):
    return " ".join(str(element.value) for element in [*page.title, *page.markdown, *page.caption, *page.info])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("caseload", "Add the first patient"),
        ("record", "Add the first one on the caseload"),
        ("patient", "Choose a patient"),
        ("recording", "Choose a recording"),
        ("activity", "No new recording of your patients is being analysed"),
        ("model", "Model"),
    ],
)
def test_empty_pages_say_what_to_do_next(name, says):
    assert says in text_of(open_page(name))


def links_in_captions(page):
    """Captions with a link in them, which would be too pale to read."""
    return [caption.value for caption in page.caption if "](" in caption.value]


def test_the_caseload_lists_and_searches(patients):
    page = open_page("caseload")
    assert page.text_input[0].value == ""
    page.text_input[0].set_value("no such person").run()
    assert "No patient matches" in text_of(page)


def test_a_choice_of_nobody_speaks_of_no_search(patients):
    page = open_page("caseload")
    page.button_group(key="caseload_filter").set_value(Only.NO_RECORDING.value).run()
    assert "No patient is in this choice" in text_of(page)
    assert "search" not in page.info[0].value


def test_a_patient_s_page_opened_without_an_address_gets_the_patient_s(patients):
    page = open_page("patient", patient=patients[0].id)
    # As the browser's Back leads to it from a recording.
    del page.query_params["patient"]
    page.query_params["id"] = "0" * 32
    page.run()
    assert patients[0].name.split()[0] in text_of(page)
    assert (page.query_params["patient"], "id" in page.query_params) == (patients[0].id, False)


def test_a_patient_s_page_shows_trend_and_disclaimer(patients):
    page = open_page("patient", patient=patients[0].id)
    shown = text_of(page)
    assert patients[0].name.split()[0] in shown
    assert "not feelings or a diagnosis" in shown
    assert "The face could be read in 90 % of it" in shown
    assert "12 of 12 recordings can be compared" in shown
    assert "](#how)" in shown
    assert not links_in_captions(page)


@pytest.fixture
def kept(settings, patients):
    """A recording of the first invented patient whose file is kept."""
    upload_id = new_id()
    media, part = open_store(settings), uploads.part_path(settings, upload_id)
    with part.open("wb") as file, sealing(file, media.key, upload_id.encode()) as sealed:
        sealed.write(b"a video")
    media.adopt(part, upload_id)
    db = open_database(settings.database_url)
    with db.session() as session:
        job = session.scalars(
            select(Job).join(Recording).where(Recording.patient_id == patients[0].id).order_by(Recording.recorded_on)
        ).first()
        job.sources = [{"id": upload_id}]
    db.close()
    return upload_id


def button(page, label):
    return next(found for found in page.button if found.label == label)


def press(page, label):
    button(page, label).click().run()
    assert not page.exception


def press_in_window(page, label):
    """Press the button of the open window where the page below has one of the same name."""
    [found.click() for found in page.button if found.label == label][-1].run()
    assert not page.exception


@pytest.mark.usefixtures("kept")
def test_recordings_are_analysed_again_paused_and_dropped(enter):
    page = open_page("activity")
    assert "Analyse again" not in [button.label for button in page.button], "an administrator's decision"
    enter("Adam Invented", Role.ADMINISTRATOR)
    page = open_page("activity")
    press(page, "Analyse again")
    assert "The recordings of all patients that another model analysed" in text_of(page)
    press(page, "Leave everything as it is")
    assert not page.info or not any("will be analysed again" in info.value for info in page.info)
    press(page, "Analyse again")
    press_in_window(page, "Analyse again")
    assert any("1 recording will be analysed again" in info.value for info in page.info)
    press(page, "Pause")
    press(page, "Go on")
    press(page, "Cancel the rest")
    assert "Pause" not in [button.label for button in page.button]


def test_what_failed_is_reported_and_tried_again(settings, kept):
    db = open_database(settings.database_url)
    with db.session() as session:
        job = next(job for job in session.scalars(select(Job)) if job.sources)
        job.state, job.finished_at = "failed", datetime.now(UTC)
        job.error_message, job.error_code = "The analysis failed for a reason.", "internal_error"
    page = open_page("activity")
    assert "The analysis failed for a reason" in text_of(page)
    press(page, "Try again")
    assert "Try again" not in [button.label for button in page.button]
    with db.read() as session:
        assert session.get_one(Job, job.id).state == "queued"
    db.close()


def test_an_earlier_version_can_be_looked_at(settings, patients):
    db = open_database(settings.database_url)
    with db.session() as session:
        newest = session.scalars(
            select(Recording).where(Recording.patient_id == patients[0].id).order_by(Recording.recorded_on.desc())
        ).first()
        values = {c.name: getattr(newest, c.name) for c in Recording.__table__.columns if c.name != "id"}
        earlier = Recording(**values | {"version_of": newest.id, "current": False, "model_sha256": "0123456789ab"})
        session.add(earlier)
        session.flush()
        earlier_id = earlier.id
    db.close()
    page = open_page("recording", id=newest.id)
    [versions] = [box for box in page.selectbox if box.label == "Result of"]
    assert len(versions.options) == 2
    assert "01234567" in versions.options[1]
    assert [option.endswith(", shown") for option in versions.options] == [True, False]
    assert not any("Another result is shown" in warning.value for warning in page.warning)
    assert any("This one counts nowhere" in warning.value for warning in open_page("recording", id=earlier_id).warning)
    versions.select_index(1).run()
    assert not page.exception
    assert not links_in_captions(page)


def test_a_deleted_patient_is_gone_from_the_list_that_follows(patients):
    page = open_page("patient", patient=patients[0].id)
    button(page, "Edit").click().run()
    [typed] = [box for box in page.text_input if box.label.startswith("To confirm")]
    # What a screen reader reads has no Markdown in it, and no name; both stand above the box.
    assert typed.label in ("To confirm, type the patient's name or code", "To confirm, type the patient's name")
    assert any(one.value.startswith("To confirm, type **") for one in page.markdown)
    typed.set_value(patients[0].name)
    # Without a browser a dialog stays open only in a run that opens it.
    button(page, "Edit").click()
    button(page, "Delete patient").click().run()
    assert [title.value for title in page.title] == ["Caseload"]
    assert not page.error
    assert patients[0].name not in text_of(page)


def test_an_unknown_patient_is_one_sentence_and_no_trace():
    page = open_page("patient", patient="0" * 32)
    assert [error.value for error in page.error] == ["This patient does not exist any more."]


def test_the_model_page_shows_the_card_s_own_figures():
    card = model_card.ModelCard.load()
    page = open_page("model")
    accuracy = card.metrics["PrivateTest"]["full"]["accuracy"]
    assert f"{accuracy * 100:.1f} %" in [metric.value for metric in page.metric]


def test_the_model_page_says_which_models_saw_photographs_of_the_test():
    cards = [model_card.ModelCard.load(), *model_card.known_cards(PROGRAM_DIR / "train" / "results")]
    [table] = [found.value for found in open_page("model").dataframe if "Recipe" in found.value]
    said = dict(zip(table["Model"], table["Saw test photographs"], strict=True))
    assert said == {
        card.name + " (installed)" * (number == 0): "yes" if card.saw_near_twins(cards) else "no"
        for number, card in enumerate(cards)
    }
    # The last goes on from weights that saw them, two runs before it.
    assert [said[name] for name in ("sequential", "seresnet_harsh", "seresnet_turned")] == ["yes", "no", "yes"]


@pytest.mark.parametrize("name", ["caseload", "record", "patient", "recording", "activity", "model"])
def test_what_a_script_says_of_its_constants_is_not_drawn(name):
    tree = ast.parse((SHELL.parent / f"{name}.py").read_text(encoding="utf-8"))
    remarks = [
        node.value.value for node in tree.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]
    drawn = text_of(open_page(name))
    assert not [remark for remark in remarks if remark in drawn]


@pytest.fixture
def other_model(tmp_path, monkeypatch):
    """A model of the installation's own, whose card has no test results."""
    card = replace(model_card.ModelCard.load(), name="our_own", sha256="7" * 64, metrics={}, recipe={}, curves=())
    card.save(tmp_path / "own.json")
    monkeypatch.setenv("FER_MODEL", str(tmp_path / "own.json"))
    return card


def test_the_model_page_shows_the_model_that_the_installation_names(other_model):
    page = open_page("model")
    assert any("has no test results" in info.value for info in page.info)
    assert any("our_own" in line.value for line in page.markdown)
    [table] = [found.value for found in page.dataframe if "Recipe" in found.value]
    assert "sequential" in list(table["Model"])


def test_without_a_model_the_page_stays_quiet(monkeypatch, tmp_path):
    monkeypatch.setattr(model_card, "WEIGHTS_FOLDER", tmp_path)
    page = open_page("model")
    said = [element.value for element in [*page.error, *page.info, *page.warning]]
    assert any("No model is installed" in sentence for sentence in said)


def test_a_recording_can_be_started_only_with_a_patient_and_a_file(patients):
    page = open_page("record", patient=patients[0].id)
    (start,) = [button for button in page.button if button.label == "Start analysis"]
    assert start.disabled
    assert "Choose a file first." in text_of(page)


@pytest.fixture
def newcomer(who):
    """A patient who was not asked yet."""
    return caseload.add_patient(resources().db, who, "Invented Newcomer")


def labels(page):
    return [button.label for button in page.button]


def test_a_new_patient_s_page_calls_for_the_consent(newcomer):
    page = open_page("patient", patient=newcomer)
    shown = text_of(page)
    assert "Nothing can be analysed or shown before" in shown
    assert "analyse recordings: not given" in shown
    assert "Record consent" in labels(page)
    assert "Withdraw everything" not in labels(page)


def test_a_recording_is_refused_without_consent(newcomer):
    page = open_page("record", patient=newcomer)
    assert [one.value.split(".")[0] for one in page.warning] == ["No consent to analyse recordings is recorded"]
    assert "Start analysis" not in labels(page)


def test_recorded_consent_opens_the_form(newcomer):
    consents.agree(resources().db, newcomer)
    assert "Nothing can be analysed" not in text_of(open_page("patient", patient=newcomer))
    page = open_page("record", patient=newcomer)
    assert not page.warning
    assert "Start analysis" in labels(page)
    assert "then it is deleted" in text_of(page), "this installation keeps no files"


def test_an_expired_consent_closes_the_results_and_says_so(patients, who):
    consents.expire(resources().db, patients[0].id)
    page = open_page("patient", patient=patients[0].id)
    shown = text_of(page)
    assert "The consent has ended" in shown
    assert "keep the results ended on 2 Jan 2026" in shown
    assert not page.metric, "no share of usable face time, no trend"
    assert "Withdraw everything" in labels(page)
    closed = {line.id for line in listing.page(resources().db, who, CaseloadQuery()).lines if line.closed}
    assert closed == {patients[0].id}


def test_what_goes_is_listed_before_anything_is_withdrawn(patients, who):
    page = open_page("patient", patient=patients[0].id)
    press(page, "Withdraw everything")
    [listed] = [one.value for one in page.warning if "Permanently deleted" in one.value]
    assert f"{patients[0].recordings} recordings with all results" in listed
    assert "Withdraw and delete" in labels(page)
    assert len(caseload.get_patient(resources().db, who, patients[0].id).recordings) == patients[0].recordings


@pytest.mark.parametrize(
    ("settings", "offered"),
    [({}, 3), ({"FER_KEEP_FILES": "1"}, 4), ({"FER_KEEP_FACES": "1"}, 4)],
    indirect=["settings"],
    ids=["deletes", "keeps", "faces"],
)
def test_keeping_files_is_asked_for_where_the_installation_allows_it(settings, newcomer, offered):
    page = open_page("patient", patient=newcomer)
    press(page, "Record consent")
    assert len(page.checkbox) == offered
    assert not any(box.value for box in page.checkbox), "nothing is ticked beforehand"


def test_a_viewer_sees_the_consent_and_changes_nothing(enter, patients, who):
    viewer = enter("Vera Invented", Role.VIEWER)
    sharing.share(resources().db, who, patients[0].id, viewer.name)
    page = open_page("patient", patient=patients[0].id)
    assert "keep the results" in text_of(page)
    assert not {"Record consent", "Withdraw everything"} & set(labels(page))
