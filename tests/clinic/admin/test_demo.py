"""The invented patients show what is known of them: a truth each, and no finding where there is none."""

import shutil

import pytest
from sqlalchemy import select

from clinic.accounts import accounts
from clinic.admin import demo_people
from clinic.patients import caseload, conditions, discordance
from clinic.questionnaires import answers, schedule, sentences
from db.engine import open_database
from db.models import Account, Patient
from fer_core.emotions import Emotion
from tests import doors


@pytest.fixture(scope="module")
def reported(demo_at_head, tmp_path_factory):
    """What the pages get of each invented patient, by the first name: the patient, the answers, what they say apart."""
    # A copy: other tests take the file as it is.
    db = open_database(f"sqlite:///{shutil.copyfile(demo_at_head, tmp_path_factory.mktemp('told') / 'clinic.db')}")
    with pytest.MonkeyPatch.context() as cheap:
        doors.cheap_hashes(cheap)
        who = doors.actor(db, "Dr. Demo")
    with db.session() as session:
        accounts.take_orphans(session, session.get_one(Account, who.account_id))
        ids = {name.split()[0]: key for key, name in session.execute(select(Patient.id, Patient.name))}
    yield {name: seen(db, who, key) for name, key in ids.items()}
    db.close()


def seen(db, who, patient_id):
    detail, given = caseload.get_patient(db, who, patient_id), answers.listed(db, who, patient_id)
    apart = discordance.find(detail.trend, given)
    held = conditions.conditions(db, who, patient_id)
    return detail.trend, sentences.latest_by_scale(given), apart, held, schedule.dues(db, who, patient_id), given


def rings(trend):
    return {column for point in trend.points for column in point.outside}


def test_everybody_of_the_list_is_there(reported):
    assert list(reported) == [person.name.split()[0] for person in demo_people.PEOPLE]


def test_ada_improves_by_both_and_nothing_is_apart(reported):
    trend, given, apart, *_ = reported["Ada"]
    assert Emotion.HAPPY in rings(trend)
    assert "more than the 6.8 points" in sentences.change_sentence(given["phq9"][-1], given["phq9"][0])
    assert apart is None


def test_bruno_has_recordings_that_do_not_count_and_a_questionnaire_without_a_total(reported):
    trend, given, _, _, dues, everything = reported["Bruno"]
    assert sum(point.excluded is not None for point in trend.points) == 2
    assert {one.score.missing for one in everything} == {0, 1, 4}
    assert (len(everything), len(given["phq9"])) == (3, 2)
    assert dues[0].overdue


def test_chen_has_a_new_model_and_dana_no_baseline(reported):
    assert [change.what for change in reported["Chen"][0].changes] == ["model"]
    assert reported["Dana"][0].building == "baseline being built (6 of 8)"
    assert {scale.scale.name for scales in reported["Dana"][1].values() for scale in scales} == {
        "PHQ-4",
        demo_people.OWN_SCALE,
    }


def test_emil_s_recordings_differ_and_nothing_is_found(reported):
    trend, given, apart, *_ = reported["Emil"]
    happy = [point.shares[Emotion.HAPPY] for point in trend.points]
    assert max(happy) - min(happy) > 0.2
    assert rings(trend) == set()
    assert "within the questionnaire's error" in sentences.change_sentence(given["phq9"][-1], given["phq9"][0])
    assert apart is None


def test_fay_s_face_and_questionnaire_go_apart_and_question_nine_has_its_notice(reported):
    _, _, apart, _, _, given = reported["Fay"]
    assert (apart.scale.key, apart.column, apart.side) == ("phq9", Emotion.HAPPY, 1)
    assert sentences.watched(given).score.total == 18
    assert [name for name, found in reported.items() if found[2] is not None] == ["Fay"]
    assert [name for name, found in reported.items() if sentences.watched(found[5]) is not None] == ["Fay"]


def test_hugo_s_labels_are_not_interpreted(reported):
    trend, _, _, held, *_ = reported["Hugo"]
    assert [condition.kind.value for condition in held] == ["facial_palsy"]
    assert all(point.movement is not None for point in trend.points)


def test_gita_has_three_hundred_recordings_of_one_truth():
    assert len(demo_people.LONG.visits) == 300
    happy = [visit.happy for visit in demo_people.LONG.visits]
    assert max(happy) - min(happy) < 0.07


def test_each_entry_has_a_number_of_its_own(reported):
    """The list of questionnaires and the choice of a mistake distinguish entries by it."""
    numbers = [one.number for *_, given in reported.values() for one in given]
    assert len(set(numbers)) == len(numbers) > 20
