"""The page Training without a browser: empty, with runs in each state, and with a promoted model."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from clinic import model_in_use
from clinic.access import Role
from clinic.audit import AuditAction
from clinic.training import own_samples
from clinic.training.own_samples import OwnSamples
from clinic.training_queue import places
from db.models import AuditRow, JobState, Training
from fer_core.model.model_card import ModelCard
from pages import links
from tests import doors
from tests.pages.test_pages import open_page, text_of
from train.config import PRESETS
from web.resources import resources

EPOCH = {"epoch": 1, "rate": 0.1, "train_loss": 2.0, "public_loss": 1.9, "public_accuracy": 0.31, "seconds": 120.0}


@pytest.fixture(autouse=True)
def who(enter):
    """The administrator who is signed in."""
    return enter(role=Role.ADMINISTRATOR)


@pytest.fixture
def add_run(settings):
    """Return a function that stores a run in some state, with an epoch."""

    def add(state, **values):
        row = Training(kind="run", data="faces.csv", state=state.value, created_at=doors.now(), total=36, **values)
        row.recipe = row.recipe or PRESETS["quick"].to_dict() | {"batch": 64 + len(values)}
        with resources().db.session() as session:
            session.add(row)
            session.flush()
        folder = places.folder_of(settings, row.id)
        folder.mkdir(parents=True)
        (folder / "epochs.jsonl").write_text(json.dumps(EPOCH) + "\n")
        return row

    return add


def labels(page):
    return [button.label for button in page.button]


def progress(page):
    return [found.proto.text for found in page.get("progress")]


def test_without_a_folder_the_page_says_how_to_name_one():
    page = open_page("training")
    assert "FER_TRAINING_DIR" in text_of(page)
    assert "Nothing has been trained here yet." in text_of(page)
    assert "New training" not in labels(page)


def test_each_state_has_its_sentence_and_its_buttons(add_run):
    add_run(JobState.FAILED, error_message="The CSV is broken.")
    page = open_page("training")
    assert progress(page)[0].startswith("Failed after 1 of 36 epochs.")
    assert [error.value for error in page.error] == [r"The CSV is broken\."]
    assert {"Evaluate", "Delete"} <= set(labels(page))
    add_run(JobState.RUNNING)
    page = open_page("training")
    assert progress(page)[0].startswith("Epoch 2 of 36 is under way. About 1 h 10 min left.")
    assert {"Pause", "Stop"} <= set(labels(page))
    assert page.dataframe[0].value["Best accuracy"].tolist() == [31.0, 31.0]


def test_one_that_was_stopped_says_that_it_can_t_go_on(add_run):
    add_run(JobState.CANCELLED)
    assert progress(open_page("training"))[0].startswith("Stopped after 1 of 36 epochs; it can't go on.")


def test_a_paused_run_goes_on_from_the_page(add_run):
    run = add_run(JobState.QUEUED, paused=True)
    page = open_page("training")
    assert progress(page)[0].startswith("Paused after 1 of 36 epochs.")
    next(button for button in page.button if button.label == "Go on").click().run()
    with resources().db.read() as session:
        assert session.get_one(Training, run.id).paused is False


@pytest.mark.parametrize("search_id", [None, "5" * 32])
def test_to_stop_is_asked_before_hours_of_a_training_end_for_good(add_run, search_id):
    run = add_run(JobState.QUEUED, search_id=search_id)

    def stopped():
        with resources().db.read() as session:
            return session.get_one(Training, run.id).state == JobState.CANCELLED.value

    page = open_page("training")
    click(page, "Stop")
    assert "that was stopped can't go on" in text_of(page)
    click(page, "Leave everything as it is")
    assert not stopped()
    click(page, "Stop")
    click(page, "Stop for good")
    assert stopped()


def test_the_way_back_from_a_promoted_model_is_offered(settings, add_run):
    run = add_run(JobState.DONE)
    card = places.model_card_of(settings, run.id, run.number)
    card.parent.mkdir()
    replace(ModelCard.load(), name="a new one").save(card)
    assert "Go back to the model before" not in labels(open_page("training"))
    model_in_use.write(settings, [str(card.relative_to(settings.data_dir))])
    page = open_page("training")
    assert "Delete" not in labels(page)
    click(page, "Go back to the model before")
    shipped = links.plain_text(ModelCard.load().name)
    assert [name for name in ("In use, **a new one**", f"Before it, **{shipped}**") if name not in text_of(page)] == []
    click(page, "Leave everything as it is")
    assert model_in_use.history(settings)
    click(page, "Go back to the model before")
    click(page, "Go back")
    assert model_in_use.history(settings) == []
    with resources().db.read() as session:
        (row,) = session.scalars(select(AuditRow).where(AuditRow.action == AuditAction.MODEL_ROLLED_BACK.value))
    assert row.details == {"model": ModelCard.load().sha256}


@pytest.mark.parametrize("against", [None, "On people it did not learn from, it is not shown to be better."])
def test_figures_on_the_clinic_s_own_people_are_shown_and_an_objection_takes_the_button_away(
    settings, add_run, against
):
    run = add_run(JobState.DONE)
    path, card = places.model_card_of(settings, run.id, run.number), ModelCard.load()
    path.parent.mkdir()
    change = {"mean": 0.061, "low": 0.012, "high": 0.11, "people": 34}
    level = {"mean": 0.71, "low": 0.655, "high": 0.765, "people": 34}
    judged = {"trained_on": 70, "before": level, "after": level | {"mean": 0.75}, "people": change, "test": change}
    replace(card, metrics=card.metrics | {"own": judged | {"objection": against}}).save(path)
    page = open_page("training")
    assert ("Put to use" in labels(page)) is (against is None)
    model_in_use.write(settings, [str(path.relative_to(settings.data_dir))])
    for shown in (page, open_page("model")):
        own = "34 people of this clinic whom it did not learn from, it is right in 75.0 % (95 % interval 65.5"
        assert own in text_of(shown)
        assert r"The difference there is +6.1 points (95 % interval +1.2 to +11.0)" in text_of(shown)
        assert [f"This model is not put to use. {against}"] * (against is not None) == [
            one.value for one in shown.warning
        ]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (OwnSamples(0, 0, 0, 0, 0), ["No moment of a recording has been labelled by a person yet.", "100 are missing"]),
        (
            OwnSamples(50, 2, 0, 0, 0),
            [
                "50 moments of 2 patients. None of these patients consents to",
                "under “Consent and sharing”",
                "there are 0",
            ],
        ),
        (OwnSamples(50, 2, 30, 1, 1), ["30 of them are of 1 patient who", "there is 1, so **99 are missing"]),
        (OwnSamples(2040, 102, 2040, 102, 102), ["102 patients, all of whom consent to", "each: there are 102."]),
    ],
)
def test_what_a_training_on_the_clinic_s_own_recordings_lacks_is_said(monkeypatch, found, said):
    monkeypatch.setattr(own_samples, "count", lambda *_: found)
    text = text_of(open_page("training"))
    assert [part for part in said if part not in text] == []


@pytest.fixture
def searched(add_run):
    """The runs of a search of three, in this state."""

    def add(state):
        return [
            add_run(state, search_id="5" * 32, recipe=PRESETS["quick"].to_dict() | {"rate": rate})
            for rate in (0.1, 0.02, 0.3)
        ]

    return add


def click(page, label):
    next(button for button in page.button if button.label == label).click().run()


def test_a_search_is_one_card_with_its_runs_beside_each_other(searched):
    runs = searched(JobState.QUEUED)
    page = open_page("training")
    assert progress(page) == ["0 of 3 runs ended. About 3 h 30 min left. Best so far: run 1, 31.0 %."]
    assert "Nothing has been trained here yet." not in text_of(page)
    assert not page.get("plotly_chart"), "runs that have not ended are not drawn: they would look worse than they are"
    (table,) = page.dataframe
    assert table.value["Learning rate"].tolist() == [0.1, 0.02, 0.3]
    assert table.value["Best accuracy"].tolist() == [31.0] * 3
    click(page, "Pause")
    with resources().db.read() as session:
        assert all(session.get_one(Training, run.id).paused for run in runs)
    assert progress(open_page("training"))[0].startswith("Paused: 0 of 3 runs ended.")


def test_the_values_of_a_search_s_run_fill_in_a_full_one(searched):
    searched(JobState.DONE)
    page = open_page("training")
    assert len(page.get("plotly_chart")) == 1
    next(box for box in page.selectbox if box.label == "Values of").select_index(1).run()
    click(page, "Use these values for a full run")
    boxes = {box.label: box.value for box in page.number_input}
    assert (boxes["Learning rate"], boxes["Epochs"]) == (0.02, 36)
    assert "values of run 2" in text_of(page)


@pytest.fixture
def sets(tmp_path, monkeypatch):
    """A folder with a data set, named in the environment."""
    monkeypatch.setenv("FER_TRAINING_DIR", str(tmp_path / "sets"))
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "faces.csv").touch()


def search_window():
    import streamlit as st

    from pages import actions, clicks
    from pages.views.training_search import set_up_search

    # A window is drawn again as it was opened, within a run of its page.
    with clicks.run():
        if "opening:search" not in st.session_state:
            actions.open_dialog("search")
        set_up_search("faces.csv")


@pytest.mark.usefixtures("sets", "who")
def test_a_search_is_set_up_with_the_ranges_that_are_stated():
    page = AppTest.from_function(search_window, default_timeout=60).run()
    boxes = {box.label: box for box in page.number_input}
    assert {"Runs", "Learning rate from", "Dropout to", "Erasing from"} <= set(boxes)
    boxes["Runs"].set_value(5)
    boxes["Dropout to"].set_value(0.2)
    for _ in range(2):
        # A second click starts no second search.
        click(page, "Start the search")
    with resources().db.read() as session:
        stored = session.scalars(select(Training)).all()
    assert len(stored) == 5
    assert len({row.search_id for row in stored}) == 1
    assert all(row.recipe["architecture"]["dropout"] <= 0.2 for row in stored[1:])


def test_a_training_on_the_clinic_s_own_recordings_is_offered_only_where_there_are_enough():
    said = text_of(open_page("training"))
    assert "What a finished model has learned stays in it" in said.replace("\n  ", " ")
    assert "Train on them" not in labels(open_page("training"))


def test_the_model_page_shows_example_faces_of_a_cell_and_a_gallery(settings):
    with resources().db.session() as session:
        row = Training(kind="examples", data="faces.csv", state=JobState.DONE.value, created_at=doors.now())
        session.add(row)
        session.flush()
    assert "No example faces are there" in text_of(open_page("model"))
    folder = places.folder_of(settings, row.id)
    folder.mkdir(parents=True)
    face = {"true": 6, "given": 4, "output": 0.61, "face": "AA==", "heat": "AA=="}
    (folder / "about.json").write_text(json.dumps({"model_sha256": ModelCard.load().sha256}))
    low = face | {"true": 4, "output": 0.5}
    (folder / "gallery.json").write_text(json.dumps({"right": [low], "wrong": [face]}))
    (folder / "cell-6-4.json").write_text(json.dumps({"pictures": 7, "examples": [face]}))
    page = open_page("model")
    for label, value in (("Examples: people say", "6"), ("The model says", "4")):
        next(box for box in page.selectbox if box.label == label).select(value).run()
    assert "**Neutral, called sad**: 1 of 7 test pictures" in text_of(page)
    captions = {one.caption for image in page.get("image") for one in image.proto.imgs if one.caption}
    assert captions == {"neutral, called sad, output 61 %", "sad, output 50 %; stays uncertain"}
    assert not page.error
