"""Nobody meets a patient who is still being imported: each query that is about no single patient leaves those out.

A statement on a table of patients is fine where its function names one patient, recording or job, asks for an account's
access (which comes when the import ends), or asks `access.staged`. Everything else stands below with its reason.
"""

import ast
from pathlib import Path

import pytest

from db.models import Base

ROOT = Path(__file__).parents[1]
ASKED = {"staged", "visible", "sees", "cares", "_seen_by"}
STATEMENTS = {"select", "update", "delete"}
ONE = {"id", "patient_id", "recording_id", "version_of", "job_id"}
"""Columns that name one patient, or something of one."""

BY_ACCESS = "goes by rows of access, which an import gives in the transaction that ends it"
OF_JOBS = "an import writes analyses that ended, and none that wait"
OF_IMPORTS = "is the import itself"
CONDITION = "a condition or a set of ids for callers that ask for access"
OF_DEMO = "the demonstration's own patients"
WITHOUT = {
    ("clinic/access.py", "_seen_by"): BY_ACCESS,
    ("clinic/accounts/accounts.py", "enable"): BY_ACCESS,
    ("clinic/accounts/accounts.py", "end_sign_ins"): "hand-overs of one account",
    ("clinic/accounts/accounts.py", "list_accounts"): BY_ACCESS,
    ("clinic/accounts/accounts.py", "set_role"): BY_ACCESS,
    ("clinic/accounts/handover.py", "_asked"): "patients that a request names, who were on a caseload then",
    ("clinic/accounts/handover.py", "_move"): BY_ACCESS,
    ("clinic/accounts/handover.py", "_patients"): BY_ACCESS,
    ("clinic/accounts/takeovers.py", "_found"): BY_ACCESS,
    ("clinic/accounts/tokens.py", "actor_of"): "patients that a person chose from the own caseload",
    ("clinic/clock_watch.py", "note"): BY_ACCESS,
    ("clinic/admin/demo.py", "add_account"): OF_DEMO,
    ("clinic/admin/demo.py", "fill"): OF_DEMO,
    ("clinic/admin/key_folder.py", "_begun"): "asks whether there is anything at all",
    ("clinic/admin/keyring.py", "_is_empty"): "asks whether there is anything at all",
    ("clinic/admin/metrics.py", "_jobs"): OF_JOBS,
    ("clinic/admin/metrics.py", "_oldest_s"): OF_JOBS,
    ("clinic/audit.py", "_text_digests"): "looks at hashes, and says which texts were changed",
    ("clinic/consent/consent.py", "ending"): CONDITION,
    ("clinic/questionnaires/watching.py", "unacknowledged"): CONDITION,
    ("clinic/consent/consent.py", "_unwithdrawn"): CONDITION,
    ("clinic/erasure/deletion.py", "_erase_answers"): "answers that were handed over by their ids",
    ("clinic/erasure/retention.py", "_recordings"): "asks through `_old`",
    ("clinic/exchange/import_queue.py", "_of"): OF_IMPORTS,
    ("clinic/exchange/import_queue.py", "_waiting"): OF_IMPORTS,
    ("clinic/exchange/import_queue.py", "give_all_back"): OF_IMPORTS,
    ("clinic/exchange/import_queue.py", "sweep"): OF_IMPORTS,
    ("clinic/jobs/tracks.py", "_before"): "versions of one recording's visit",
    ("clinic/jobs/tracks.py", "say_of_replaced"): "versions of one recording's visit",
    ("clinic/jobs/faces.py", "_stays"): OF_JOBS,
    ("clinic/jobs/jobs.py", "_add"): OF_JOBS,
    ("clinic/jobs/leases.py", "release"): OF_JOBS,
    ("clinic/jobs/leases.py", "_next"): OF_JOBS,
    ("clinic/jobs/reanalysis.py", "standings"): "requests, of recordings that were found with `_shown`",
    ("clinic/jobs/reanalysis.py", "cancel"): "jobs of one request",
    ("clinic/jobs/faces.py", "renewed_choice"): "the analyses of one visit",
    ("clinic/jobs/reanalysis.py", "_queue"): "one job by its key",
    ("clinic/jobs/reanalysis.py", "_standing"): "jobs of one request",
    ("clinic/jobs/same_files.py", "holding"): CONDITION,
    ("clinic/patients/conditions.py", "interpreted"): CONDITION,
    ("clinic/patients/conditions.py", "not_interpreted"): CONDITION,
    ("clinic/patients/listing.py", "_shown"): CONDITION,
    ("clinic/patients/listing.py", "_last"): CONDITION,
    ("clinic/patients/needs.py", "_choosing"): CONDITION,
    ("clinic/patients/needs.py", "_failed"): CONDITION,
    ("clinic/patients/needs.py", "count"): BY_ACCESS,
    ("clinic/patients/sharing.py", "history"): "texts of one patient's rows of the audit",
    ("clinic/questionnaires/patient_mode.py", "sweep"): "hand-overs that ended",
    ("clinic/questionnaires/patient_mode.py", "_row"): "one hand-over by its token",
    ("clinic/questionnaires/scales.py", "retire"): "the dates of a questionnaire that no patient can answer any more",
    ("clinic/questionnaires/schedule.py", "overdue"): CONDITION,
    ("clinic/recordings/stored_files.py", "_sources"): "files that jobs name; `expected` asks for those that were read",
    ("clinic/training/labelled.py", "_source"): "one visit, of those that were found with `given`",
    ("clinic/training_queue/uses.py", "forget_run"): "the record of one run",
    ("clinic/worker/housekeeping.py", "sweep"): OF_JOBS,
}


def reaches(table, seen=()):
    """Whether a row of the table belongs to a patient."""
    targets = {key.column.table for key in table.foreign_keys} - {table, *seen}
    return table.name == "patient" or any(reaches(target, (*seen, table)) for target in targets)


OF_PATIENTS = {mapper.class_.__name__ for mapper in Base.registry.mappers if reaches(mapper.local_table)}


def named(node):
    """Return the class and the column of an expression such as ``Recording.patient_id``."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in OF_PATIENTS:
        return node.value.id, node.attr
    return None


def about_patients(function):
    """Whether a function has a statement on a table of patients."""
    statements = [node for node in ast.walk(function) if isinstance(node, ast.Call) and asked(node) in STATEMENTS]
    found = [inner for node in statements for argument in node.args for inner in ast.walk(argument)]
    return any(isinstance(node, ast.Name) and node.id in OF_PATIENTS for node in found)


def asked(call):
    """Return the name of what is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def names_one(node):
    """Whether an expression compares such a column with a value, or with values, that are no column themselves."""
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq):
        column = named(node.left)
        return column is not None and column[1] in ONE and named(node.comparators[0]) is None
    if isinstance(node, ast.Call) and asked(node) == "in_" and isinstance(node.func, ast.Attribute):
        column = named(node.func.value)
        return column is not None and column[1] in ONE
    return False


def unasked(text):
    """Return the functions of a module that look beyond one patient and an account's access."""
    for function in ast.walk(ast.parse(text)):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or not about_patients(function):
            continue
        calls = {asked(node) for node in ast.walk(function) if isinstance(node, ast.Call)}
        if not calls & ASKED and not any(names_one(node) for node in ast.walk(function)):
            yield function.name


def found():
    for folder in ("clinic", "web", "pages", "backup"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for name in unasked(path.read_text("utf-8")):
                yield str(path.relative_to(ROOT)), name


def test_each_query_beyond_one_patient_asks_whether_patients_are_staged():
    new = set(found()) - set(WITHOUT)
    assert not new, "ask `access.staged`, or give the reason why it needs not be asked"


def test_the_exceptions_are_still_needed():
    assert set(WITHOUT) - set(found()) == set()


@pytest.mark.parametrize(
    ("body", "right"),
    [
        ("session.scalars(select(Patient))", False),
        ("session.scalars(select(Recording.id).where(Recording.current))", False),
        ("session.execute(delete(Sample).where(Sample.frame_index > 3))", False),
        ("session.scalars(select(Job).join(Recording).where(Recording.id == Job.recording_id))", False),
        ("session.scalars(select(Patient).where(~access.staged(Patient.id)))", True),
        ("session.scalars(select(Recording).where(Recording.patient_id == patient_id))", True),
        ("session.scalars(select(Patient).where(access.sees(account.id, Patient.id)))", True),
        ("session.execute(delete(Sample).where(Sample.recording_id.in_(ids)))", True),
        ("session.scalars(select(Account))", True),
    ],
)
def test_the_rule_finds_what_it_is_for(body, right):
    assert list(unasked(f"def new(session):\n    return {body}")) == ([] if right else ["new"])


def test_the_tables_of_patients_are_found():
    assert {"Patient", "Recording", "Sample", "Consent", "PatientEvent", "StoredChunk"} <= OF_PATIENTS
    assert not {"Account", "SignIn", "Installation"} & OF_PATIENTS
