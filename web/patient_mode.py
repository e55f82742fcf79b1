"""Patient mode: a questionnaire on the clinic's device, one question a screen, without a script and without a name.

`/hand-over` is for the clinician, who chooses a PIN there. `/questionnaire` is for the patient: its cookie is not a
sign-in, and opens nothing else.
"""

from __future__ import annotations

import re
from html import escape

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from clinic.accounts.throttle import TooManyError
from clinic.patients import caseload
from clinic.patients.caseload import PatientSummary
from clinic.phrases import identity_text
from clinic.questionnaires import patient_mode, scales
from clinic.questionnaires.patient_mode import Asked
from fer_core.errors import FerError
from web.gate import COOKIE, COOKIE_TLS, HAND_OVER, PATIENT_MODE, SIGN_IN, is_tls, set_token
from web.page import notice, page, read_form, refuse
from web.resources import resources
from web.sign_in import ATTEMPTS

DEVICE, DEVICE_TLS = "hand_over", "__Secure-hand_over"
ID = re.compile(r"[0-9a-f]{32}")
NOT_YOURS = "This patient is not on your caseload, or does not exist any more."
CHANGED = "Nothing was done: someone changed this patient since this page was opened. Please check the patient again."
EARLIER = "That screen belonged to another questionnaire; nothing was stored. Please answer here."


async def hand_over(request: Request) -> Response:
    """Ask the clinician for a PIN, or hand the device over."""
    actor = request.scope["actor"]
    given = dict(request.query_params) if request.method == "GET" else await read_form(request)
    patient_id, scale = given.get("patient", ""), given.get("scale", "")
    if not ID.fullmatch(patient_id):
        return RedirectResponse("/", 303)
    if request.method == "GET":
        return await _hand_over_page(actor, patient_id, scale, "")
    db = resources().db
    try:
        if given.get("who", "") != _who(await _patient(actor, patient_id)):
            raise FerError(CHANGED, "changed")
        if given.get("pin") != given.get("again"):
            raise FerError("The two PINs differ. Please type them again.", "bad_pin")
        token = await run_in_threadpool(lambda: patient_mode.begin(db, actor, patient_id, scale, given.get("pin", "")))
    except FerError as refusal:
        return await _hand_over_page(actor, patient_id, scale, refusal.message, 403)
    response = RedirectResponse(PATIENT_MODE, 303)
    tls = is_tls(request.scope, resources().settings.behind_tls)
    name = COOKIE_TLS if tls else COOKIE
    response.delete_cookie(name, path="/", secure=tls, httponly=True, samesite="strict")
    response.set_cookie(
        DEVICE_TLS if tls else DEVICE, token, path=PATIENT_MODE, secure=tls, httponly=True, samesite="strict"
    )
    return response


async def questionnaire(request: Request) -> Response:
    """Show a question, the end, or the PIN; or take an answer."""
    db, token = resources().db, _token(request)
    if request.method == "GET":
        found = await run_in_threadpool(patient_mode.asked, db, token)
        if found is None:
            return RedirectResponse(SIGN_IN, 303)
        if "staff" in request.query_params:
            return _pin_page("")
        return _end_page("") if found.done else _question_page(found, _place(request.query_params.get("q"), found))
    form = await read_form(request)
    if "pin" in form:
        return await _give_back(request, form["pin"])
    found = await run_in_threadpool(patient_mode.asked, db, token)
    if found is not None and not found.done and form.get("of") != found.id:
        return _question_page(found, 0, EARLIER, 409)
    try:
        where = await run_in_threadpool(_answer, token, form)
    except FerError as refusal:
        if found is not None and not found.done:
            return _question_page(found, 0, refusal.message, 409)
        where = PATIENT_MODE
    return RedirectResponse(where, 303)


ROUTES = [
    Route(HAND_OVER, hand_over, methods=["GET", "POST"]),
    Route(PATIENT_MODE, questionnaire, methods=["GET", "POST"]),
]


def _answer(token: str | None, form: dict[str, str]) -> str:
    """Store an answer and return the next address. Raises FerError."""
    db = resources().db
    found = patient_mode.asked(db, token)
    if found is None or found.done:
        return PATIENT_MODE
    if form.get("finish"):
        patient_mode.finish(db, token)
        return PATIENT_MODE
    place, given = _place(form.get("q"), found), form.get("answer", "")
    if "back" not in form:
        patient_mode.answer(db, token, place, int(given) if re.fullmatch(r"\d", given) else None)
    after = max(0, place - 1) if "back" in form else place + 1
    return f"{PATIENT_MODE}?q={after + 1}"


def _place(text: str | None, found: Asked) -> int:
    """Return which question is meant, from 0; one past the last is the end. Without a number: the first open one."""
    if text is not None and re.fullmatch(r"\d{1,3}", text):
        return min(max(0, int(text) - 1), len(found.items))
    return 0


async def _give_back(request: Request, pin: str) -> Response:
    db, token = resources().db, _token(request)
    try:
        signed_in, patient_id = await ATTEMPTS.run(request, lambda: patient_mode.give_back(db, token, pin))
    except FerError as refusal:
        if refusal.code == "pin_refused" or isinstance(refusal, TooManyError):
            return refuse(refusal, _pin_page(refusal.message, 403))
        return RedirectResponse(SIGN_IN, 303)
    response = RedirectResponse(f"/patient?patient={patient_id}&tab=questionnaires", 303)
    tls = is_tls(request.scope, resources().settings.behind_tls)
    set_token(response, signed_in, tls)
    response.delete_cookie(
        DEVICE_TLS if tls else DEVICE, path=PATIENT_MODE, secure=tls, httponly=True, samesite="strict"
    )
    return response


async def _hand_over_page(actor: object, patient_id: str, key: str, said: str, status: int = 200) -> Response:
    offered = await run_in_threadpool(scales.offered, resources().db, actor)  # type: ignore[arg-type]
    names = {scale.key: scale.name for scale in offered if scale.items}
    if key not in names:
        return RedirectResponse("/", 303)
    patient = await _patient(actor, patient_id)
    if patient is None:
        return page("Hand the device over", f"<h1>Hand the device over</h1>{notice(NOT_YOURS)}", 403)
    pins = "".join(
        f'<label>{label}<input name="{name}" type="password" inputmode="numeric" pattern="[0-9]{{4,12}}"'
        f' autocomplete="off" required{" autofocus" if name == "pin" else ""}></label>'
        for name, label in (("pin", "PIN of 4 to 12 digits"), ("again", "PIN again"))
    )
    return page(
        "Hand the device over",
        f"<h1>Hand the device over</h1>{notice(said)}"
        f"<p><b>{escape(patient.name)}</b> · {escape(identity_text(patient))}</p>"
        f"<p>The patient answers {escape(names[key])} here and sees nothing else. You are signed out on this browser"
        " until you type this PIN.</p>"
        f'<form method="post" action="{HAND_OVER}">'
        f'<input type="hidden" name="patient" value="{escape(patient_id)}">'
        f'<input type="hidden" name="who" value="{escape(_who(patient))}">'
        f'<input type="hidden" name="scale" value="{escape(key)}">{pins}'
        '<button type="submit">Begin</button></form>'
        f'<p class="small"><a href="/patient?patient={escape(patient_id)}">Back</a></p>',
        status,
    )


async def _patient(actor: object, patient_id: str) -> PatientSummary | None:
    shown = await run_in_threadpool(caseload.list_patients, resources().db, actor)  # type: ignore[arg-type]
    return next((patient for patient in shown if patient.id == patient_id), None)


def _who(patient: PatientSummary | None) -> str:
    """Return what the page shows about a patient, as its form sends it back."""
    return f"{patient.name} {identity_text(patient)}" if patient is not None else ""


def _question_page(found: Asked, place: int, said: str = "", status: int = 200) -> Response:
    count = len(found.items)
    if place >= count:
        return _last_page(found)
    buttons = "".join(
        f'<button type="submit" name="answer" value="{value}"{_chosen(found.items[place] == value)}>'
        f"{escape(label)}</button>"
        for value, label in enumerate(found.scale.answers)
    )
    back = '<button class="quiet" type="submit" name="back" value="1">Back</button>' if place else ""
    return page(
        "Questionnaire",
        f'{notice(said)}<p class="small">Question {place + 1} of {count}</p><p>{escape(found.scale.lead)}</p>'
        f"<h1>{escape(found.scale.items[place])}</h1>"
        f'<form method="post" action="{PATIENT_MODE}">{_of(found)}'
        f'<input type="hidden" name="q" value="{place + 1}">{buttons}'
        f'<div class="row">{back}<button class="quiet" type="submit" name="answer" value="">Leave open</button></div>'
        f"</form>{_staff_link()}",
        status,
        asked=True,
    )


def _of(found: Asked) -> str:
    return f'<input type="hidden" name="of" value="{found.id}">'


def _chosen(chosen: bool) -> str:
    return ' class="chosen" aria-pressed="true"' if chosen else ""


def _last_page(found: Asked) -> Response:
    missing = sum(item is None for item in found.items)
    left = {0: "", 1: "<p>One question is still open.</p>"}.get(missing, f"<p>{missing} questions are still open.</p>")
    return page(
        "Questionnaire",
        f'<h1>That was the last question.</h1>{left}<form method="post" action="{PATIENT_MODE}">{_of(found)}'
        f'<input type="hidden" name="q" value="{len(found.items) + 1}">'
        '<button type="submit" name="finish" value="1">Finish</button>'
        '<div class="row"><button class="quiet" type="submit" name="back" value="1">Back</button></div></form>'
        f'<p class="small">{escape(found.scale.credit)}</p>{_staff_link()}',
        asked=True,
    )


def _end_page(said: str) -> Response:
    return page(
        "Questionnaire",
        f"<h1>Thank you.</h1><p>Please give the device back.</p>{notice(said)}{_staff_link()}",
        asked=True,
    )


def _pin_page(said: str, status: int = 200) -> Response:
    return page(
        "For staff",
        f'<h1>For staff</h1>{notice(said)}<form method="post" action="{PATIENT_MODE}">'
        '<label>PIN<input name="pin" type="password" inputmode="numeric" autocomplete="off" required autofocus></label>'
        f'<button type="submit">Go on</button></form><p class="small"><a href="{PATIENT_MODE}">Back to the'
        f' questionnaire</a> · <a href="{SIGN_IN}">Sign in with a password</a></p>',
        status,
        asked=True,
    )


def _staff_link() -> str:
    return f'<p class="small"><a href="{PATIENT_MODE}?staff=1">For staff</a></p>'


def _token(request: Request) -> str | None:
    tls = is_tls(request.scope, resources().settings.behind_tls)
    return request.cookies.get(DEVICE_TLS if tls else DEVICE)
