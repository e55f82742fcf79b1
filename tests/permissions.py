"""Who may do what: the table that `test_permissions.py` walks. A function, page or route that is not in it fails.

The columns are `PEOPLE`. ``ok``: done or shown; anything else is the code of the refusal, or a route's HTTP status.
"""

PEOPLE = ("nobody", "viewer", "foreign", "emergency", "clinician", "administrator", "disabled")
"""Nobody; a viewer with whom the patient is shared; a clinician of another caseload, without and with emergency access;
the patient's clinician; an administrator without this patient; and the patient's clinician once disabled."""

READ = "signed_out ok not_your_patient ok ok not_your_patient signed_out"
WRITE = "signed_out read_only not_your_patient emergency_reads_only ok not_your_patient signed_out"
OWN = "signed_out ok ok ok ok ok signed_out"
ADD = "signed_out read_only ok ok ok ok signed_out"
KEEP_ACCOUNTS = (
    "signed_out only_administrators only_administrators only_administrators only_administrators ok signed_out"
)

FUNCTIONS = {
    "accounts.add": KEEP_ACCOUNTS,
    "accounts.disable": KEEP_ACCOUNTS,
    "accounts.enable": KEEP_ACCOUNTS,
    "accounts.hand_over": KEEP_ACCOUNTS,
    "accounts.list_accounts": KEEP_ACCOUNTS,
    "accounts.reset_password": KEEP_ACCOUNTS,
    "accounts.set_role": KEEP_ACCOUNTS,
    "caseload.add_patient": ADD,
    "caseload.delete_patient": WRITE,
    "caseload.delete_recording": WRITE,
    "caseload.get_patient": READ,
    "caseload.get_recording": READ,
    "caseload.list_patients": OWN,
    "caseload.note_recording": WRITE,
    "caseload.rename_patient": WRITE,
    "caseload.samples": READ,
    "caseload.versions": READ,
    "jobs.active": OWN,
    "jobs.can_retry": WRITE,
    "jobs.cancel": WRITE,
    "jobs.candidates": WRITE,
    "jobs.choose_track": WRITE,
    "jobs.close_preview": WRITE,
    "jobs.enqueue": WRITE,
    "jobs.preview": READ,
    "jobs.retry": WRITE,
    "jobs.status": READ,
    "jobs.watch": READ,
    "outcomes.failed": OWN,
    "outcomes.pace": OWN,
    "readings.tell": READ,
    "reanalysis.cancel": KEEP_ACCOUNTS,
    "reanalysis.find_patient": KEEP_ACCOUNTS,
    "reanalysis.pause": KEEP_ACCOUNTS,
    "reanalysis.standing": KEEP_ACCOUNTS,
    "reanalysis.standings": KEEP_ACCOUNTS,
    "reanalysis.start": KEEP_ACCOUNTS,
    "sharing.history": WRITE,
    "sharing.open_in_emergency": ADD,
    "sharing.readers": WRITE,
    "sharing.share": WRITE,
    "sharing.unshare": WRITE,
    "sign_ins.change_password": OWN,
    "uploads.store": ADD,
    "exports.export_patient": WRITE,
    "exports.export_to": WRITE,
    "downloads.prepare": WRITE,
    "imports.import_patient": ADD,
    "incoming.begin": ADD,
}

FOR_NO_PERSON = {
    "accounts.add_first": "asks for the console's code instead",
    "accounts.any_account": "says yes or no, before anybody can sign in",
    "accounts.reset_by_console": "for the command line alone",
    "accounts.insert_account": "a step inside a checked transaction",
    "accounts.grant": "a step inside a checked transaction",
    "accounts.take_orphans": "a step inside a checked transaction",
    "accounts.replace_password": "a step inside a checked transaction",
    "accounts.end_sign_ins": "a step inside a checked transaction",
    "accounts.name_key": "text to text",
    "accounts.first_administrator": "a step inside a checked transaction",
    "caseload.erase": "a step of `caseload.delete_patient` and `caseload.delete_recording`, and of the retention",
    "caseload.finish_erasures": "for the worker alone",
    "caseload.valid_name": "text to text",
    "caseload.valid_note": "text to text",
    "downloads.take": "asks for the owner, whom the gate names",
    "downloads.sweep": "for the worker alone",
    "exports.patient_tables": "of the tables, not of a patient",
    "exports.owner": "of the tables, not of a patient",
    "incoming.status": "asks for the owner, whom the gate names",
    "incoming.complete": "asks for the owner, whom the page names",
    "incoming.cancel": "asks for the owner, whom the gate names",
    "jobs.delete_files": "a step of `caseload.erase`",
    "jobs.drop": "a step of `jobs.cancel` and `reanalysis.cancel`",
    "jobs.queue_again": "a step inside a checked transaction",
    "jobs.job_key": "values to text",
    "jobs.ask_for_model": "for the worker that holds the job",
    "sign_ins.sign_in": "asks for the password instead",
    "sign_ins.start": "a step after the password was checked",
    "sign_ins.actor_of": "tells who acts",
    "sign_ins.note_activity": "of the acting user's own sign-in",
    "sign_ins.sign_out": "of the acting user's own sign-in",
    "uploads.discard": "takes ids that only the one who just stored the files has",
    "uploads.clean_name": "text to text",
    "uploads.take_in": "a step of `uploads.store` and `imports.import_patient`",
    "uploads.admit": "a step of `uploads.store` and `incoming.complete`",
    "uploads.open_stored": "for the worker, and for an export that was allowed",
    "uploads.open_place": "for the machines of a cluster, which work for the worker",
    "uploads.stored": "says whether files are there, to functions that checked",
    "uploads.part_path": "text to path",
    "uploads.uploads_dir": "where uploads lie",
    "uploads.age_s": "of a file",
    "uploads.check_room": "size and free space",
    "uploads.sweep": "for the worker alone",
}
"""Public functions without an acting user, each with the reason."""

PAGES = {
    "caseload": "signed_out ok ok ok ok ok signed_out",
    "record": "signed_out hidden ok ok ok ok signed_out",
    "patient": "signed_out ok not_your_patient ok ok not_your_patient signed_out",
    "activity": "signed_out ok ok ok ok ok signed_out",
    "model": "signed_out ok ok ok ok ok signed_out",
    "accounts": "signed_out hidden hidden hidden hidden ok signed_out",
}
"""``hidden``: the page is not among the person's pages, so that it does not run."""

EVERYONE = "200 200 200 200 200 200 200"
SIGNED_IN = "401 200 200 200 200 200 401"
WRITERS = "401 403 200 200 200 200 401"
NOBODY = "401 404 404 404 404 404 401"
ROUTES = {
    "/sign-in": EVERYONE,
    "/first-run": EVERYONE,
    "/change-password": SIGNED_IN,
    "/_stcore/health": EVERYONE,
    "/_stcore/host-config": SIGNED_IN,
    "/_stcore/stream": "refused open open open open open refused",
    "/_stcore/upload_file/{session_id}/{file_id}": "401 403 200 200 200 200 401",
    "/_stcore/metrics": "401 403 403 403 403 200 401",
    "/_stcore/bidi-components/{path:path}": SIGNED_IN,
    "/media/{file_id:path}": NOBODY,
    "/component/{path:path}": NOBODY,
    "/_stcore/agent/interact": NOBODY,
    "/_stcore/agent/openapi.json": NOBODY,
    "/_stcore/agent/mcp": NOBODY,
    "/auth/login": NOBODY,
    "/auth/logout": NOBODY,
    "/oauth2callback": NOBODY,
    "/": SIGNED_IN,
    "/caseload": SIGNED_IN,
    "/record": SIGNED_IN,
    "/patient": SIGNED_IN,
    "/activity": SIGNED_IN,
    "/model": SIGNED_IN,
    "/accounts": SIGNED_IN,
    "/watch.js": SIGNED_IN,
    "/uploads/{upload_id}": WRITERS,
    "/downloads/{ticket}": WRITERS,
}
"""Ours and Streamlit's. ``/`` stands for the files of Streamlit's own page too; a page's address gives everyone the
same empty frame, and what is drawn in it is told by `PAGES`."""
