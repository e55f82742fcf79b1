"""Marks stand beside the samples: they change no row, meet no other mark unseen, and count only what was judged."""

import csv
import io
import zipfile
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import delete, insert, select

from clinic.access import Forbidden
from clinic.accounts.accounts import grant
from clinic.admin import demo
from clinic.conflicts import ConflictError
from clinic.exchange import exports
from clinic.patients import caseload, conditions, digests
from clinic.patients.conditions import ConditionKind
from clinic.recordings import marks, readings
from clinic.recordings.verdicts import MarkFields, Verdict
from db.models import AuditRow, Job, JobState, Recording, RecordingMark, Role, Sample, TrendDigest
from fer_core.emotions import EMOTION_LABELS
from fer_core.errors import FerError
from fer_core.types import Status
from tests import doors

EXCLUDED = MarkFields(0.0, 2.0, Verdict.EXCLUDE, reason="camera")


@pytest.fixture
def recording(db, patient):
    """The id of an analysed recording of five minutes."""
    stored, table = demo._recording(patient, demo.InventedVisit(0, 0.3, 0.2), np.random.default_rng(1))
    with db.session() as session:
        session.add(stored)
        session.flush()
        session.add(Job(recording_id=stored.id, state=JobState.DONE.value, created_at=doors.now()))
        session.execute(insert(Sample), demo._rows(stored.id, table))
        return stored.id


@pytest.fixture
def clinician(who):
    """Who may mark it."""
    return who


def label_at(db, recording, begin_s, end_s):
    with db.read() as session:
        return marks._model_label(session, recording, MarkFields(begin_s, end_s, Verdict.UNCLEAR))


def labelled(db, recording, count):
    """So many stretches of a second in which the model gave a label, with it."""
    found = []
    for second in range(300):
        label = label_at(db, recording, second, second + 1)
        if label not in (None, "uncertain"):
            found.append((float(second), label))
            if len(found) == count:
                return found
    return pytest.fail(f"the recording has only {len(found)} such stretches")


def test_a_mark_is_kept_and_no_sample_is_changed(db, recording, clinician):
    before = caseload.samples(db, clinician, recording)
    marks.add(db, clinician, recording, EXCLUDED)
    (found,) = marks.marks(db, clinician, recording)
    assert (found.said, found.by) == (EXCLUDED, "Dr. Invented")
    after = caseload.samples(db, clinician, recording)
    assert np.array_equal(before.probabilities, after.probabilities, equal_nan=True)
    assert list(before.status) == list(after.status)
    with db.read() as session:
        assert session.scalars(select(AuditRow.action).order_by(AuditRow.number.desc())).first() == "mark_added"


def test_two_people_who_mark_the_same_stretch_meet(db, recording, clinician):
    marks.add(db, clinician, recording, EXCLUDED, seen=[])
    with pytest.raises(ConflictError) as met:
        marks.add(db, clinician, recording, MarkFields(1.0, 3.0, Verdict.UNCLEAR), seen=[])
    assert "camera" in met.value.differences[0].stored
    marks.add(db, clinician, recording, MarkFields(1.0, 3.0, Verdict.UNCLEAR), seen=met.value.revision)
    marks.add(db, clinician, recording, MarkFields(50.0, 60.0, Verdict.UNCLEAR), seen=[])
    assert len(marks.marks(db, clinician, recording)) == 3


def test_a_mark_is_changed_and_deleted_only_as_it_was_seen(db, recording, clinician):
    added = marks.add(db, clinician, recording, EXCLUDED)
    marks.edit(db, clinician, added, 1, MarkFields(0.0, 2.0, Verdict.UNCLEAR, note="mask"))
    with pytest.raises(ConflictError):
        marks.edit(db, clinician, added, 1, EXCLUDED)
    with pytest.raises(ConflictError):
        marks.remove(db, clinician, added, 1)
    assert marks.marks(db, clinician, recording)[0].said.note == "mask"
    marks.remove(db, clinician, added, 2)
    assert marks.marks(db, clinician, recording) == []


NEW = "c" * 64


@pytest.fixture
def analysed_again(db, recording):
    """The id of a version of another model, which says another label everywhere."""
    with db.session() as session:
        first = session.get_one(Recording, recording)
        values = {c.name: getattr(first, c.name) for c in Recording.__table__.columns if c.name not in ("id", "number")}
        version = Recording(**values | {"version_of": recording, "current": True, "model_sha256": NEW})
        first.current = False
        session.add(version)
        session.flush()
        for sample in session.execute(select(Sample.__table__).where(Sample.recording_id == recording)).mappings():
            said = dict.fromkeys(EMOTION_LABELS, 0.0) | {"fear": 1.0} if sample["status"] == Status.OK else {}
            session.execute(insert(Sample), [{**sample, **said, "recording_id": version.id}])
        session.add(Job(recording_id=version.id, state=JobState.DONE.value, created_at=doors.now()))
        return version.id


def test_a_changed_mark_judges_the_model_that_is_shown(db, recording, clinician, analysed_again):
    [(begin_s, label)] = labelled(db, recording, 1)
    said = MarkFields(begin_s, begin_s + 1, Verdict.OTHER, "fear")
    added = marks.add(db, clinician, recording, said)
    marks.edit(db, clinician, added, 1, replace(said, note="seen"), analysed_again)
    [seen] = marks.marks(db, clinician, analysed_again)
    assert (seen.model_label, seen.model_sha256 == NEW) == (label, False), "a note judges nothing"
    with pytest.raises(FerError) as refused:
        marks.edit(db, clinician, added, 2, replace(said, verdict=Verdict.AGREE, label=None), "0" * 32)
    assert refused.value.code == "unknown_recording"
    marks.edit(db, clinician, added, 2, replace(said, verdict=Verdict.AGREE, label=None), analysed_again)
    [seen] = marks.marks(db, clinician, analysed_again)
    assert (seen.model_label, seen.model_sha256) == ("fear", NEW)
    assert marks.agreement(db, clinician, recording).judged == 0
    new = marks.agreement(db, clinician, analysed_again)
    assert (new.judged, new.agreed) == (1, 1)


def test_marks_go_with_the_recording_and_are_shown_in_each_version(db, recording, clinician):
    marks.add(db, clinician, recording, EXCLUDED)
    with db.session() as session:
        first = session.get_one(Recording, recording)
        values = {c.name: getattr(first, c.name) for c in Recording.__table__.columns if c.name not in ("id", "number")}
        version = Recording(**values | {"version_of": recording, "current": False})
        session.add(version)
        session.flush()
        version_id = version.id
    assert len(marks.marks(db, clinician, version_id)) == 1
    with db.session() as session:
        session.delete(session.get_one(Recording, recording))
    with db.read() as session:
        assert session.scalars(select(RecordingMark)).all() == []


@pytest.mark.parametrize(
    "said",
    [
        MarkFields(2.0, 2.0, Verdict.UNCLEAR),
        MarkFields(-1.0, 2.0, Verdict.UNCLEAR),
        MarkFields(0.0, float("nan"), Verdict.UNCLEAR),
        MarkFields(0.0, 1.0, Verdict.OTHER),
        MarkFields(0.0, 1.0, Verdict.OTHER, label="sorrow"),
        MarkFields(0.0, 1.0, Verdict.UNCLEAR, label="sad"),
        MarkFields(0.0, 1.0, Verdict.EXCLUDE),
        MarkFields(0.0, 1.0, Verdict.EVENT, reason="camera"),
        MarkFields(0.0, 1.0, Verdict.UNCLEAR, reason="camera"),
    ],
)
def test_what_is_no_mark_is_refused(db, recording, clinician, said):
    with pytest.raises(FerError) as refused:
        marks.add(db, clinician, recording, said)
    assert refused.value.code == "bad_mark"


def test_nothing_is_agreed_with_where_the_model_said_nothing(db, recording, clinician):
    with db.session() as session:
        for sample in session.scalars(select(Sample).where(Sample.recording_id == recording, Sample.time_s < 2)):
            sample.status = Status.NO_FACE.value
    with pytest.raises(FerError, match="no label here to agree with"):
        marks.add(db, clinician, recording, MarkFields(0.0, 2.0, Verdict.AGREE))


def test_nothing_is_marked_while_the_samples_may_be_several_people_s(db, recording, clinician):
    with db.session() as session:
        session.scalar(select(Job).where(Job.recording_id == recording)).state = JobState.CHOOSING.value
    with pytest.raises(FerError) as refused:
        marks.add(db, clinician, recording, EXCLUDED)
    assert refused.value.code == "analysis_under_way"


def test_a_viewer_marks_nothing(db, recording, patient):
    viewer = doors.actor(db, "Vera", Role.VIEWER)
    with db.session() as session:
        grant(session, viewer.account_id, patient)
    with pytest.raises(Forbidden):
        marks.add(db, viewer, recording, EXCLUDED)


def test_agreement_has_an_interval_from_ten_judged_labels_on(db, recording, clinician):
    stretches = labelled(db, recording, 10)
    for number, (second, label) in enumerate(stretches):
        other = "sad" if label != "sad" else "happy"
        said = [
            MarkFields(second, second + 1, Verdict.AGREE),
            MarkFields(second, second + 1, Verdict.OTHER, label=other),
            MarkFields(second, second + 1, Verdict.IMPRESSION, label=label),
        ][number % 3]
        marks.add(db, clinician, recording, said)
        found = marks.agreement(db, clinician, recording)
        assert (found.low is None) == (number < 9)
    assert (found.judged, found.agreed) == (10, 7)
    # Wilson 1927 for 7 of 10, as statsmodels' proportion_confint(7, 10, method="wilson") has it.
    assert (found.low, found.high) == (pytest.approx(0.3968, abs=1e-3), pytest.approx(0.8922, abs=1e-3))


def test_judgements_of_a_stranger_count_nowhere(db, recording, clinician):
    """They went on to be counted once the stretch was marked as not the patient, and the stranger's label was shown."""
    (first, _), *_, (last, _) = labelled(db, recording, 5)
    for second, _ in labelled(db, recording, 5):
        marks.add(db, clinician, recording, MarkFields(second, second + 1, Verdict.AGREE))
    stranger = marks.add(db, clinician, recording, MarkFields(first, last + 0.4, Verdict.NOT_PATIENT))
    assert marks.agreement(db, clinician, recording).judged == 1
    found = marks.marks(db, clinician, recording)
    assert [one.said.begin_s for one in found if one.model_label] == [last]
    marks.remove(db, clinician, stranger, 1)
    assert marks.agreement(db, clinician, recording).judged == 5


@pytest.mark.parametrize(
    ("others", "judged"),
    [
        ([(0.0, 0.45), (0.55, 1.0)], 0),
        ([(0.0, 0.51)], 0),
        ([(0.49, 1.0)], 0),
        ([(0.0, 0.5)], 1),
        ([(0.3, 0.7)], 1),
        ([(0.0, 0.4), (0.1, 0.4), (0.2, 0.45)], 1),
        ([(-1.0, 0.3), (0.7, 2.0)], 0),
        ([(-1.0, 0.0), (1.0, 2.0)], 1),
    ],
)
def test_a_judgement_counts_where_at_most_half_of_its_time_is_a_stranger_s(db, recording, clinician, others, judged):
    """Only its middle was asked for, so a stretch that was nearly all a stranger's counted."""
    _, (second, _), *_ = labelled(db, recording, 5)
    marks.add(db, clinician, recording, MarkFields(second, second + 1, Verdict.AGREE))
    for begin, end in others:
        marks.add(db, clinician, recording, MarkFields(second + begin, second + end, Verdict.NOT_PATIENT))
    assert marks.agreement(db, clinician, recording).judged == judged
    [own] = [one for one in marks.marks(db, clinician, recording) if one.said.verdict is Verdict.AGREE]
    assert bool(own.model_label) is bool(judged)


def test_judgements_of_a_recording_under_a_condition_of_the_face_are_not_counted(db, patient, recording, clinician):
    (second, _) = labelled(db, recording, 1)[0]
    marks.add(db, clinician, recording, MarkFields(second, second + 1, Verdict.AGREE))
    day = caseload.get_recording(db, clinician, recording).recorded_on
    conditions.add(db, clinician, patient, ConditionKind.AUTISM, day + timedelta(days=1))
    assert marks.agreement(db, clinician, recording).judged == 1
    conditions.add(db, clinician, patient, ConditionKind.COVERED, day)
    assert marks.agreement(db, clinician, recording).judged == 0
    for one in conditions.conditions(db, clinician, patient):
        conditions.end(db, clinician, one.id, one.revision, day + timedelta(days=1))
    assert marks.agreement(db, clinician, recording).judged == 0


def test_agreement_with_one_model_says_nothing_of_another(db, recording, clinician):
    (second, _) = labelled(db, recording, 1)[0]
    marks.add(db, clinician, recording, MarkFields(second, second + 1, Verdict.AGREE))
    with db.session() as session:
        session.get_one(Recording, recording).model_sha256 = "another"
    assert marks.agreement(db, clinician, recording).judged == 0


def test_a_recording_after_its_marks_is_another_than_as_analysed(db, recording, clinician):
    result = readings.analysis_result(db, clinician, recording, 3.0)
    marks.add(db, clinician, recording, MarkFields(0.0, 100.0, Verdict.EXCLUDE, reason="camera"))
    after = readings.with_marks(result, marks.marks(db, clinician, recording))
    assert len(after.series.statuses) == len(result.series.statuses) - 500
    assert after.reading.shares != result.reading.shares
    assert readings.analysis_result(db, clinician, recording, 3.0).reading == result.reading


def test_what_is_not_the_patient_counts_nowhere_and_comes_back_with_the_mark(db, settings, recording, clinician):
    before = stored_summary(db, recording)
    digests.refresh(db)
    mark_id = marks.add(db, clinician, recording, MarkFields(10.0, 70.0, Verdict.NOT_PATIENT))
    during = stored_summary(db, recording)
    assert during["reasons"][Status.NOT_PATIENT] == pytest.approx(60 / 300, abs=0.01)
    assert during["usable_s"] == pytest.approx(before["usable_s"] - 60, abs=8)
    assert during["shares"] != before["shares"]
    result = readings.analysis_result(db, clinician, recording)
    inside = (result.raw.time_s >= 10) & (result.raw.time_s < 70)
    assert np.isnan(result.raw.outputs[inside]).all()
    assert np.isnan(result.boxes[inside]).all()
    assert {result.raw.statuses[place] for place in np.flatnonzero(inside)} == {Status.NOT_PATIENT}
    assert Status.NOT_PATIENT not in {result.raw.statuses[place] for place in np.flatnonzero(~inside)}
    assert label_at(db, recording, 20.0, 30.0) is None
    with db.read() as session:
        assert session.scalar(select(TrendDigest)) is None, "it was made of the summary before"
    marks.edit(db, clinician, mark_id, 1, MarkFields(10.0, 20.0, Verdict.NOT_PATIENT))
    assert stored_summary(db, recording)["reasons"][Status.NOT_PATIENT] == pytest.approx(10 / 300, abs=0.01)
    marks.edit(db, clinician, mark_id, 2, MarkFields(10.0, 20.0, Verdict.UNCLEAR))
    assert stored_summary(db, recording) == before
    marks.edit(db, clinician, mark_id, 3, MarkFields(10.0, 20.0, Verdict.NOT_PATIENT))
    marks.remove(db, clinician, mark_id, 4)
    assert stored_summary(db, recording) == before


def test_values_of_somebody_else_leave_in_no_archive(db, settings, patient, recording, clinician):
    marks.add(db, clinician, recording, MarkFields(10.0, 70.0, Verdict.NOT_PATIENT))
    written = io.BytesIO()
    exports.export_patient(db, settings, clinician, patient, written)
    with zipfile.ZipFile(written) as archive, archive.open(exports.SAMPLES_CSV) as raw:
        rows = list(csv.DictReader(io.TextIOWrapper(raw, "utf-8-sig")))
    inside = [row for row in rows if 10 <= float(row["time_s"]) < 70]
    assert len(inside) == 300
    assert {(row["status"], row["track"], row["happy"], row["left"]) for row in inside} == {
        ("not_patient", "-1", "", "")
    }
    assert any(row["happy"] for row in rows if not 10 <= float(row["time_s"]) < 70)


def test_who_it_is_stays_where_only_the_summary_is_kept(db, recording, clinician):
    with db.session() as session:
        session.execute(delete(Sample))
    before = stored_summary(db, recording)
    with pytest.raises(FerError) as refusal:
        marks.add(db, clinician, recording, MarkFields(10.0, 70.0, Verdict.NOT_PATIENT))
    assert refusal.value.code == "moments_gone"
    assert stored_summary(db, recording) == before
    assert marks.marks(db, clinician, recording) == []


def stored_summary(db, recording):
    with db.read() as session:
        return session.get_one(Recording, recording).summary
