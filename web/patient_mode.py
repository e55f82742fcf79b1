"""Patient mode: a questionnaire on the clinic's device, one question a screen, without a script and without a name.

`/hand-over` is for the clinician, who chooses a PIN there. `/questionnaire` is for the patient: its cookie is not a
sign-in, and opens nothing else.
"""

from __future__ import annotations

import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from clinic.accounts.throttle import TooManyError
from clinic.patients import caseload
from clinic.patients.caseload import PatientSummary
from clinic.phrases import identity_text
from clinic.questionnaires import patient_mode, scales
from clinic.questionnaires.patient_mode import InHands, ShownQuestionnaire
from fer_core.errors import FerError
from web.headers import COOKIE, COOKIE_TLS, is_tls, set_token
from web.page import page, read_form, refuse
from web.paths import HAND_OVER, PATIENT_MODE, SIGN_IN
from web.resources import resources
from web.sign_in import ATTEMPTS
from web.threads import to_write

DEVICE, DEVICE_TLS = "hand_over", "__Secure-hand_over"
ID = re.compile(r"[0-9a-f]{32}")
NOT_YOURS = "This patient is not on your caseload, or does not exist any more."
CHANGED = "Nothing was done: someone changed this patient since this page was opened. Please check the patient again."
HANDED_OVER = (
    "Nothing was done: another device was handed over to this patient, or came back, since this page was opened. Please"
    " read again what is on devices in the patient's hands."
)
EARLIER = "That screen belonged to another questionnaire; nothing was stored. Please answer here."


async def hand_over(request: Request) -> Response:
    """Ask the clinician for a PIN, or hand the device over."""
    actor = request.scope["actor"]
    given = await read_form(request) if request.method == "POST" else dict(request.query_params)
    patient_id, scale = given.get("patient", ""), given.get("scale", "")
    if not ID.fullmatch(patient_id):
        return RedirectResponse("/", 303)
    if request.method != "POST":
        return await _hand_over_page(actor, patient_id, scale, "")
    db = resources().db
    try:
        if given.get("who", "") != _who(await _patient(actor, patient_id)):
            raise FerError(CHANGED, "changed")
        if given.get("hands", "") != _named(await _in_hands(actor, patient_id)):
            raise FerError(HANDED_OVER, "changed")
        if given.get("pin") != given.get("again"):
            raise FerError("The two PINs differ. Please type them again.", "bad_pin")
        token = await to_write(patient_mode.begin, db, actor, patient_id, scale, given.get("pin", ""))
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
    if request.method != "POST":
        found = await run_in_threadpool(patient_mode.asked, db, token)
        if found is None:
            return RedirectResponse(SIGN_IN, 303)
        if "staff" in request.query_params:
            return page("staff", said="")
        return page("thank_you") if found.done else _question_page(found, _place(request.query_params.get("q"), found))
    form = await read_form(request)
    if "pin" in form:
        return await _give_back(request, form["pin"])
    found = await run_in_threadpool(patient_mode.asked, db, token)
    if found is not None and not found.done and form.get("of") != found.id:
        return _question_page(found, 0, EARLIER, 409)
    try:
        where = await to_write(_answer, token, form)
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


def _place(text: str | None, found: ShownQuestionnaire) -> int:
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
            return refuse(refusal, page("staff", said=refusal.message))
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
        return page("hand_over", 403, patient=None, said=NOT_YOURS)
    in_hands = await _in_hands(actor, patient_id)
    return page(
        "hand_over",
        status,
        patient=patient,
        identity=identity_text(patient),
        who=_who(patient),
        hands=_named(in_hands),
        in_hands=in_hands,
        scale=key,
        scale_name=names[key],
        said=said,
    )


async def _patient(actor: object, patient_id: str) -> PatientSummary | None:
    shown = await run_in_threadpool(caseload.list_patients, resources().db, actor)  # type: ignore[arg-type]
    return next((patient for patient in shown if patient.id == patient_id), None)


async def _in_hands(actor: object, patient_id: str) -> list[InHands]:
    return await run_in_threadpool(patient_mode.in_hands, resources().db, actor, patient_id)  # type: ignore[arg-type]


def _named(in_hands: list[InHands]) -> str:
    """Return which devices are in the patient's hands, as the page's form sends it back; empty for none."""
    return ", ".join(f"{one.name} {one.since.isoformat()}" for one in in_hands)


def _who(patient: PatientSummary | None) -> str:
    """Return what the page shows about a patient, as its form sends it back."""
    return f"{patient.name} {identity_text(patient)}" if patient is not None else ""


def _question_page(found: ShownQuestionnaire, place: int, said: str = "", status: int = 200) -> Response:
    count = len(found.items)
    if place >= count:
        still_open = [number for number, item in enumerate(found.items, 1) if item is None]
        return page("last_question", of=found.id, number=count + 1, still_open=still_open, scale=found.scale)
    return page(
        "question",
        status,
        of=found.id,
        number=place + 1,
        count=count,
        scale=found.scale,
        question=found.scale.items[place],
        answered=found.items[place],
        said=said,
    )


def _token(request: Request) -> str | None:
    tls = is_tls(request.scope, resources().settings.behind_tls)
    return request.cookies.get(DEVICE_TLS if tls else DEVICE)
