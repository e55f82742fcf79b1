"""A clinic lived through at random: three people, a clock that is set forward and back, and a plain model beside it.

The suite lives through some hundred steps, always the same. ``FER_STORY_STEPS=20000`` lives through as many new ones;
their seed is printed, and ``FER_STORY_SEED`` gives them again.
"""

import hashlib
import os
import random
import shutil
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, seed
from hypothesis import settings as chosen
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select

from clinic import audit, clock
from clinic.consent import consent, giving
from clinic.consent.consent import Scope
from clinic.erasure import deletion, withdrawal
from clinic.jobs import control, jobs, leases
from clinic.patients import caseload, edits, sharing
from clinic.patients.fields import PatientFields, RecordingFields
from clinic.recordings import uploads
from clinic.recordings.uploads import Upload
from clinic.settings import Settings
from db.engine import open_database
from db.models import Access, Consent, Job, JobState, Patient, Recording, Role, new_id
from fer_core.errors import FerError
from storage import keys
from storage.media import open_store
from storage.sealed import sealing
from tests import doors

STEPS_OF_A_STORY, PATIENTS_AT_ONCE = 50, 3
PEOPLE = {"Ann": Role.CLINICIAN, "Bob": Role.CLINICIAN, "Eve": Role.VIEWER}
BEGIN = datetime(2026, 6, 1, 12, tzinfo=UTC)
GIVEN_ON = date(2026, 1, 1)
HOUR = timedelta(hours=1)

people = st.sampled_from(sorted(PEOPLE))
anybody = st.sampled_from([*sorted(PEOPLE), "owner", "owner", "owner"])
"""One of them by name, or one who may change the patient."""
scopes = st.sampled_from([frozenset(Scope)]) | st.frozensets(st.sampled_from(list(Scope)), min_size=1)
places = st.integers(0, 9)
"""Which of what there is; counted round."""
texts = st.sampled_from(["Anna", "Müller", "anna", "Ōe", "P-7", "two\nlines", ""])


@dataclass
class Visit:
    """A recording of the model. `file`: the id of its stored file, None once deleted."""

    content: int
    state: str
    file: str | None
    day: date
    note: str = ""
    revision: int = 1


@dataclass
class Person:
    """A patient of the model. `until`: who sees them, and until when; None: for good. Consents in their order."""

    name: str
    note: str
    until: dict[str, datetime | None]
    revision: int = 1
    consents: dict[Scope, list[dict]] = field(default_factory=lambda: {scope: [] for scope in Scope})
    visits: dict[str, Visit] = field(default_factory=dict)


class Clinic(RuleBasedStateMachine):
    """The program and the model, side by side; each rule does one thing to both and compares the answers."""

    def __init__(self, folder, template, moment, done):
        super().__init__()
        self.moment, self.done = moment, done
        moment[0] = BEGIN
        self.folder = folder / new_id()
        self.folder.mkdir()
        shutil.copyfile(template, self.folder / "clinic.db")
        self.settings = Settings(self.folder, f"sqlite:///{self.folder / 'clinic.db'}", min_free_bytes=0)
        keys.make(self.settings)
        self.db = open_database(self.settings.database_url)
        self.who = {name: doors.actor(self.db, name, role) for name, role in PEOPLE.items()}
        self.patients: dict[str, Person] = {}
        self.queue: list[str] = []
        self.turn = 0

    def teardown(self):
        assert audit.verify(self.db).first_bad is None
        self.db.close()
        shutil.rmtree(self.folder)
        shutil.rmtree(self.settings.key_dir, ignore_errors=True)

    # The model's own rules.

    def sees(self, name, patient):
        if name not in patient.until:
            return False
        until = patient.until[name]
        return until is None or self.moment[0] < until <= self.moment[0] + HOUR + timedelta(minutes=1)

    def no_writer(self, name, patient):
        """The code with which a change is refused to this person, None where it is not."""
        if not self.sees(name, patient):
            return "not_your_patient"
        if PEOPLE[name] is Role.VIEWER:
            return "read_only"
        return "emergency_reads_only" if patient.until[name] is not None else None

    def consent_of(self, patient, scope):
        if not patient.consents[scope]:
            return "never"
        newest = patient.consents[scope][-1]
        if newest["withdrawn"]:
            return "withdrawn"
        ended = newest["expires_on"] is not None and newest["expires_on"] < self.moment[0].date()
        return "expired" if ended else "stands"

    def no_analysis(self, patient):
        codes = {"never": "no_consent", "expired": "consent_expired", "withdrawn": "consent_withdrawn"}
        found = [codes.get(self.consent_of(patient, scope)) for scope in (Scope.ANALYSE, Scope.KEEP_RESULTS)]
        return found[0] or found[1]

    # How they are compared.

    def does(self, expected, function, *arguments, **named):
        """Do something and return what it returns, where `expected` is None; else it is refused with that code."""
        self.done[function.__name__, expected or "done"] += 1
        try:
            result = function(self.db, *arguments, **named)
        except FerError as refusal:
            result, code = None, refusal.code
        else:
            code = None
        assert code == expected, function.__name__
        return result

    def patient(self, name, place):
        """Who acts, and the patient at a place: its id and its model."""
        key = list(self.patients)[place % len(self.patients)]
        return self.actor(name, self.patients[key]), key, self.patients[key]

    def visit(self, name, place):
        """Who acts, the patient, and the recording at a place: its id and its model."""
        found = [(patient, visit) for patient in self.patients.values() for visit in patient.visits]
        patient, visit_id = found[place % len(found)]
        return self.actor(name, patient), patient, visit_id, patient.visits[visit_id]

    def actor(self, name, patient):
        owners = [one for one in patient.until if self.no_writer(one, patient) is None]
        return owners[0] if name == "owner" else name

    @property
    def any_visit(self):
        return any(patient.visits for patient in self.patients.values())

    # What people do.

    @precondition(lambda self: len(self.patients) < PATIENTS_AT_ONCE)
    @rule(name=people, called=texts, note=texts, agreed=st.booleans())
    def add_patient(self, name, called, note, agreed):
        refused = "bad_name" if not called or "\n" in called else None
        if PEOPLE[name] is Role.VIEWER:
            refused = "read_only"
        added = self.does(refused, caseload.add_patient, self.who[name], called, note)
        if added is not None:
            self.patients[added] = Person(called, note, {name: None})
            if agreed:
                self.consent_to(name, len(self.patients) - 1, frozenset(Scope), None)

    @precondition(lambda self: self.patients)
    @rule(name=anybody, place=places, note=texts, late=st.integers(0, 1))
    def edit_patient(self, name, place, note, late):
        name, key, patient = self.patient(name, place)
        refused = self.no_writer(name, patient) or ("changed_meanwhile" if late else None)
        wanted = PatientFields(patient.name, note)
        self.does(refused, edits.edit_patient, self.who[name], key, patient.revision - late, wanted)
        if refused is None:
            patient.note, patient.revision = note, patient.revision + 1

    @precondition(lambda self: self.patients)
    @rule(name=anybody, place=places, other=people)
    def share(self, name, place, other):
        name, key, patient = self.patient(name, place)
        refused = self.no_writer(name, patient)
        self.does(refused, sharing.share, self.who[name], key, other)
        if refused is None:
            patient.until[other] = None

    @precondition(lambda self: self.patients)
    @rule(name=anybody, place=places, other=people)
    def unshare(self, name, place, other):
        name, key, patient = self.patient(name, place)
        refused = self.no_writer(name, patient)
        stays = any(
            until is None and PEOPLE[one] is not Role.VIEWER for one, until in patient.until.items() if one != other
        )
        if refused is None and other in patient.until and not stays:
            refused = "last_clinician"
        self.does(refused, sharing.unshare, self.who[name], key, self.who[other].account_id)
        if refused is None:
            patient.until.pop(other, None)

    @precondition(lambda self: self.patients)
    @rule(name=anybody, place=places)
    def open_in_emergency(self, name, place):
        name, key, patient = self.patient(name, place)
        refused = "read_only" if PEOPLE[name] is Role.VIEWER else None
        self.does(refused, sharing.open_in_emergency, self.who[name], key, "needed on the ward 7 today")
        if refused is None and patient.until.get(name, BEGIN) is not None:
            patient.until[name] = self.moment[0] + HOUR

    @precondition(lambda self: self.patients)
    @rule(name=anybody, place=places, wanted=scopes, days=st.none() | st.integers(0, 3))
    def consent_to(self, name, place, wanted, days):
        name, key, patient = self.patient(name, place)
        refused = self.no_writer(name, patient)
        expires_on = None if days is None else self.moment[0].date() + timedelta(days=days)
        self.does(refused, giving.record, self.who[name], key, sorted(wanted), GIVEN_ON, expires_on)
        if refused is None:
            for scope in wanted:
                patient.consents[scope].append({"expires_on": expires_on, "withdrawn": False})

    @precondition(lambda self: self.patients)
    @rule(name=anybody, place=places, wanted=scopes)
    def withdraw(self, name, place, wanted):
        name, key, patient = self.patient(name, place)
        refused = self.no_writer(name, patient)
        self.does(refused, withdrawal.withdraw, self.settings, self.who[name], key, sorted(wanted))
        if refused is not None:
            return
        for given in (given for scope in wanted for given in patient.consents[scope]):
            given["withdrawn"] = True
        for visit_id, visit in list(patient.visits.items()):
            if visit.state == "queued" and wanted & {Scope.ANALYSE, Scope.KEEP_RESULTS}:
                visit.state, visit.file = "cancelled", None
                self.queue.remove(visit_id)
            if visit.state == "done" and Scope.KEEP_VIDEO in wanted:
                visit.file = None
            if Scope.KEEP_RESULTS in wanted:
                del patient.visits[visit_id]

    @precondition(lambda self: self.patients)
    @rule(name=anybody, place=places, content=st.integers(0, 3), note=texts)
    def hand_in(self, name, place, content, note):
        name, key, patient = self.patient(name, place)
        upload = self.stored(f"{content}".encode())
        refused = self.no_writer(name, patient) or self.no_analysis(patient)
        day = self.moment[0].date()
        handed = self.does(
            refused, jobs.enqueue, self.settings, self.who[name], key, [upload], day, note, model_sha256="m"
        )
        if handed is None:
            return
        same = [one for one, visit in patient.visits.items() if visit.content == content and visit.state != "cancelled"]
        assert handed.duplicate is bool(same)
        if same:
            assert handed.recording_id in same
        else:
            patient.visits[handed.recording_id] = Visit(content, "queued", upload.id, day, note)
            self.queue.append(handed.recording_id)

    @precondition(lambda self: self.queue)
    @rule()
    def analyse(self):
        claimed = leases.claim(self.db)
        assert claimed.recording_id == self.queue.pop(0), "the first that came is the first that is analysed"
        with leases.held(self.db, claimed) as session:
            leases.finish(session, claimed, JobState.DONE, 1)
        self.patients[claimed.patient_id].visits[claimed.recording_id].state = "done"

    @precondition(lambda self: self.any_visit)
    @rule(name=anybody, place=places)
    def cancel(self, name, place):
        name, patient, visit_id, visit = self.visit(name, place)
        refused = self.no_writer(name, patient)
        self.does(refused, control.cancel, self.settings, self.who[name], visit_id)
        if refused is None and visit.state == "queued":
            visit.state, visit.file = "cancelled", None
            self.queue.remove(visit_id)

    @precondition(lambda self: self.any_visit)
    @rule(name=anybody, place=places, note=texts, late=st.integers(0, 1))
    def edit_recording(self, name, place, note, late):
        name, patient, visit_id, visit = self.visit(name, place)
        refused = self.no_writer(name, patient)
        if refused is None and visit.day > (self.moment[0] + timedelta(hours=14)).date():
            refused = "bad_day"
        refused = refused or ("changed_meanwhile" if late else None)
        wanted = RecordingFields(visit.day, None, note)
        self.does(refused, edits.edit_recording, self.who[name], visit_id, visit.revision - late, wanted)
        if refused is None:
            visit.note, visit.revision = note, visit.revision + 1

    @precondition(lambda self: self.any_visit)
    @rule(name=anybody, place=places)
    def delete_recording(self, name, place):
        name, patient, visit_id, _ = self.visit(name, place)
        refused = self.no_writer(name, patient)
        self.does(refused, deletion.delete_recording, self.settings, self.who[name], visit_id)
        if refused is None:
            del patient.visits[visit_id]
            self.queue = [one for one in self.queue if one != visit_id]

    @precondition(lambda self: self.patients)
    @rule(name=anybody, place=places)
    def delete_patient(self, name, place):
        name, key, patient = self.patient(name, place)
        refused = self.no_writer(name, patient)
        self.does(refused, deletion.delete_patient, self.settings, self.who[name], key)
        if refused is None:
            self.queue = [one for one in self.queue if one not in patient.visits]
            del self.patients[key]

    @rule(minutes=st.sampled_from([-3000, -1441, -61, -20, -1, 1, 14, 59, 62, 1440, 4500]))
    def set_clock(self, minutes):
        self.moment[0] += timedelta(minutes=minutes)

    # What holds at every moment.

    @invariant()
    def everyone_sees_their_own_and_nothing_else(self):
        for name, actor in self.who.items():
            own = {key for key, patient in self.patients.items() if self.sees(name, patient)}
            assert {found.id for found in caseload.list_patients(self.db, actor)} == own
            self.turn += 1
            for key, patient in self.patients.items() if self.turn % 2 else ():
                found = self.does(None if key in own else "not_your_patient", caseload.get_patient, actor, key)
                if found is not None:
                    self.compare(name, patient, found)

    def compare(self, name, patient, found):
        assert (found.name, found.note) == (patient.name, patient.note)
        assert found.writable is (self.no_writer(name, patient) is None)
        assert (found.closed is None) is (self.consent_of(patient, Scope.KEEP_RESULTS) == "stands")
        shown = {one.id: one.note for one in found.recordings}
        assert shown == {key: visit.note for key, visit in patient.visits.items()}
        states = {one.scope: one.state.value for one in consent.standings(self.db, self.who[name], found.id)}
        assert states == {scope: self.consent_of(patient, scope) for scope in Scope}

    @invariant()
    def nothing_else_is_stored(self):
        with self.db.read() as session:
            visits = {key: one.state for patient in self.patients.values() for key, one in patient.visits.items()}
            assert set(session.scalars(select(Patient.id))) == set(self.patients)
            assert set(session.scalars(select(Recording.id))) == set(visits)
            assert dict(map(tuple, session.execute(select(Job.recording_id, Job.state)))) == visits
            assert set(session.scalars(select(Consent.patient_id))) <= set(self.patients)
            assert set(session.scalars(select(Access.patient_id))) == set(self.patients)
        kept = {visit.file for patient in self.patients.values() for visit in patient.visits.values()} - {None}
        assert {file.id for file in open_store(self.settings).files()} == kept

    def stored(self, content):
        upload = Upload(new_id(), "visit", hashlib.sha256(content).hexdigest(), len(content), "video")
        media, part = open_store(self.settings), uploads.part_path(self.settings, upload.id)
        with part.open("wb") as file, sealing(file, media.key, upload.id.encode()) as sealed:
            sealed.write(content)
        media.adopt(part, upload.id)
        return upload


@pytest.fixture
def moment(monkeypatch):
    """The program's present instant, which the story sets."""
    found = [BEGIN]
    monkeypatch.setattr(clock, "now", lambda: found[0])
    return found


def test_a_clinic_is_what_its_people_made_of_it(tmp_path, sqlite_at_head, moment):
    asked = int(os.environ.get("FER_STORY_STEPS", "0"))
    number = int(os.environ.get("FER_STORY_SEED") or random.SystemRandom().randrange(1 << 32)) if asked else 1
    done = Counter()

    @seed(number)
    def story():
        return Clinic(tmp_path, sqlite_at_head, moment, done)

    how = chosen(
        max_examples=max(1, asked // STEPS_OF_A_STORY) if asked else 4,
        stateful_step_count=STEPS_OF_A_STORY,
        deadline=None,
        database=None,
        print_blob=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(story, settings=how)
    sys.stdout.write(f"seed {number}: {sum(done.values())} answers compared, {dict(sorted(done.items()))}\n")
    assert len(done) > 10, "the people of the story did next to nothing"
