"""Each page, empty, full and failing, without a browser."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from clinic import caseload, demo
from clinic.settings import Settings
from db.engine import migrate, open_database
from fer_core import model_card
from pages.ui.resources import resources

SHELL = Path(__file__).parents[2] / "pages" / "ui" / "shell.py"


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """An installation of the test's own; its worker is not started."""
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("FER_DATABASE_URL", raising=False)
    monkeypatch.delenv("FER_DEMO", raising=False)
    monkeypatch.setattr("clinic.supervisor.Supervisor.ensure", lambda self: None)
    settings = Settings.from_environment()
    migrate(settings.database_url)
    yield settings
    resources().db.close()


@pytest.fixture
def patients(settings):
    """The invented patients."""
    db = open_database(settings.database_url)
    demo.fill(db)
    found = caseload.list_patients(db)
    db.close()
    return found


def open_page(name, **query):
    """Open a page inside the shell; returns what it shows."""
    page = AppTest.from_file(str(SHELL), default_timeout=30).run()
    if name != "caseload":
        page.switch_page(f"../{name}.py")
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception, page.exception
    return page


def text_of(page):
    return " ".join(str(element.value) for element in [*page.title, *page.markdown, *page.caption, *page.info])


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("caseload", "Add the first patient"),
        ("record", "Add the first one on the caseload"),
        ("patient", "Choose a patient"),
        ("activity", "Nothing is being analysed"),
        ("model", "Model"),
    ],
)
def test_empty_pages_say_what_to_do_next(name, says):
    assert says in text_of(open_page(name))


def test_the_caseload_lists_and_searches(patients):
    page = open_page("caseload")
    assert page.text_input[0].value == ""
    page.text_input[0].set_value("no such person").run()
    assert "No patient matches" in text_of(page)


def test_a_patient_s_page_shows_trend_and_disclaimer(patients):
    page = open_page("patient", patient=patients[0].id)
    shown = text_of(page)
    assert patients[0].name.split()[0] in shown
    assert "not feelings or a diagnosis" in shown
    assert {metric.label for metric in page.metric} >= {"Recordings", "Usable face time"}


@pytest.mark.usefixtures("settings")
def test_an_unknown_patient_is_one_sentence_and_no_trace():
    page = open_page("patient", patient="0" * 32)
    assert [error.value for error in page.error] == ["This patient is no longer in the list."]


@pytest.mark.usefixtures("settings")
def test_the_model_page_shows_the_card_s_own_figures():
    card = model_card.ModelCard.load()
    page = open_page("model")
    accuracy = card.metrics["PrivateTest"]["full"]["accuracy"]
    assert f"{accuracy * 100:.1f} %" in [metric.value for metric in page.metric]


@pytest.mark.usefixtures("settings")
def test_without_a_model_the_page_stays_calm(monkeypatch, tmp_path):
    monkeypatch.setattr(model_card, "WEIGHTS_FOLDER", tmp_path)
    page = open_page("model")
    said = [element.value for element in [*page.error, *page.info, *page.warning]]
    assert any("No model is installed" in sentence for sentence in said)


def test_a_recording_can_be_started_only_with_a_patient_and_a_file(patients):
    page = open_page("record", patient=patients[0].id)
    (start,) = [button for button in page.button if button.label == "Start analysis"]
    assert start.disabled
    assert "Choose a patient and a file first." in text_of(page)
