"""The line of a live view: who gets one, what it answers, and what ends it."""

import asyncio
import io
import json
import threading
from datetime import date
from types import SimpleNamespace

import anyio
import pytest
from PIL import Image
from sqlalchemy import delete, func, select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from clinic import clock
from clinic.accounts import accounts, sessions
from clinic.accounts.accounts import grant
from clinic.audit import AuditAction
from clinic.consent.consent import Scope
from clinic.patients import caseload, conditions
from clinic.patients.conditions import ConditionKind
from clinic.settings import Settings
from db.models import Access, AuditRow, Base, Role
from fer_core.media.camera import CAMERA_BYTES
from tests import doors, loops
from tests.consents import agree, revoke
from tests.media import scene
from web import live, window
from web.gate import Behind, Gate
from web.paths import CAMERA
from web.resources import database

ORIGIN = {"origin": "http://clinic.test", "host": "clinic.test"}


@pytest.fixture
def world(settings, monkeypatch):
    """A clinician with a patient who agreed and one of nobody's, behind the gate with the line."""
    monkeypatch.setattr(live, "CHECKED_EVERY_S", 0.05)
    monkeypatch.setattr(window, "WATCHED_EVERY_S", 0.05)
    db = database()
    token = doors.sign_in(db)
    who = sessions.actor_of(db, token)
    other = doors.actor(db, "Dr. Other")
    patient, foreign = (caseload.add_patient(db, one, "Invented Person") for one in (who, other))
    for one in (patient, foreign):
        agree(db, one)
    app = Starlette(
        routes=live.routes(Settings.from_environment, database),
        middleware=[Middleware(Gate, behind=Behind(database, lambda message: True, b"leave", ""))],
    )
    with TestClient(app, "http://clinic.test", cookies={"sign_in": token}) as client:
        yield SimpleNamespace(db=db, who=who, patient=patient, foreign=foreign, client=client, app=app)


@pytest.fixture
def watched(monkeypatch):
    """Views that are looked at by nobody: each says what it was given, and can be held back."""
    told = SimpleNamespace(pictures=[], chosen=[], closed=0, going=threading.Event())
    told.going.set()

    class View:
        def look(self, jpeg, time_s):
            told.going.wait(60)
            told.pictures.append(jpeg)
            return {"faces": []}

        def choose(self, track):
            told.chosen.append(track)

        def close(self):
            told.closed += 1

    monkeypatch.setattr(live, "_open_view", lambda settings: View())
    return told


def connect(world, headers=ORIGIN, client=None):
    return (client or world.client).websocket_connect(CAMERA, headers=headers)


def begun(line, patient=None):
    line.send_text(json.dumps({"patient": patient}))
    ready = line.receive_json()
    assert ready.pop("now_ms") / 1000 == pytest.approx(clock.now().timestamp(), abs=60)
    assert ready == {"ready": True}


def picture(number=0, content=b"picture"):
    return number.to_bytes(4, "little") + content


def end_of(line):
    """Return the code that the line ends with, after answers to pictures."""
    while True:
        told = line.receive_json()
        if "ended" in told:
            with pytest.raises(WebSocketDisconnect) as closed:
                line.receive_json()
            assert closed.value.code == 1008
            return told["ended"]


def jpeg(rgb):
    content = io.BytesIO()
    Image.fromarray(rgb).save(content, "JPEG")
    return content.getvalue()


def test_a_face_is_found_chosen_and_labelled_and_nothing_is_kept(world):
    with world.db.read() as session:
        before = {table.name: session.scalar(select(func.count()).select_from(table)) for table in kept_tables()}
    with connect(world) as line:
        begun(line, world.patient)
        line.send_bytes(picture(7, jpeg(scene())))
        first = line.receive_json()
        assert (first["number"], first["chosen"]) == (7, None)
        (face,) = first["faces"]
        line.send_text(json.dumps({"choose": face["number"]}))
        line.send_bytes(picture(8, jpeg(scene())))
        told = line.receive_json()
        assert (told["number"], told["faces"][0]["status"], told["faces"][0]["label"]) == (8, "ok", 3)
    with world.db.read() as session:
        after = {table.name: session.scalar(select(func.count()).select_from(table)) for table in kept_tables()}
        rows = session.scalars(select(AuditRow).where(AuditRow.action == AuditAction.LIVE_VIEWED)).all()
    assert after == before
    assert [row.patient_id for row in rows] == [world.patient]


def test_no_label_is_told_of_a_patient_with_a_condition_of_the_face(world):
    """The live view went on labelling whom no other page labels."""
    who = doors.actor(world.db, "Colleague")
    with world.db.session() as session:
        grant(session, who.account_id, world.patient)
    conditions.add(world.db, who, world.patient, ConditionKind.BOTULINUM, date(2026, 1, 1))
    with connect(world) as line:
        begun(line, world.patient)
        line.send_bytes(picture(1, jpeg(scene())))
        (face,) = line.receive_json()["faces"]
        line.send_text(json.dumps({"choose": face["number"]}))
        line.send_bytes(picture(2, jpeg(scene())))
        (told,) = line.receive_json()["faces"]
    assert (told["chosen"], told["status"], told["label"], told["probabilities"]) == (True, "held", None, None)


def kept_tables():
    return [table for table in Base.metadata.sorted_tables if table.name not in ("audit", "sign_in")]


def test_of_pictures_that_wait_the_newest_alone_is_looked_at(world, watched):
    watched.going.clear()
    with connect(world) as line:
        begun(line)
        for number in range(6):
            line.send_bytes(picture(number, b"%d" % number))
        # The first is being looked at; that all of the others have come is seen by the choice behind them.
        line.send_text(json.dumps({"choose": 1}))
        wait_for(lambda: watched.chosen == [1])
        watched.going.set()
        assert [line.receive_json()["number"], line.receive_json()["number"]] == [0, 5]
    assert watched.pictures == [b"0", b"5"]


def wait_for(condition):
    """Wait until a condition of another thread holds."""
    waiting = threading.Event()
    for _ in range(6000):
        if condition():
            return
        waiting.wait(0.01)
    pytest.fail("it did not come to that")


def test_viewers_get_their_turns_one_after_the_other(world, watched, monkeypatch):
    monkeypatch.setattr(live, "MOST_OF_ONE", 3)
    with connect(world) as first, connect(world) as second, connect(world) as third:
        for line in (first, second, third):
            begun(line)
        for number in range(3):
            for line in (first, second, third):
                line.send_bytes(picture(number))
            assert [line.receive_json()["number"] for line in (first, second, third)] == [number] * 3


def test_an_end_of_the_line_ends_the_view(world, watched):
    with connect(world) as line:
        begun(line)
        line.send_bytes(picture())
        line.receive_json()
    wait_for(lambda: watched.closed == 1)


@pytest.mark.attack("live view: the line of a camera without a sign-in, and with a viewer's, who changes nothing")
def test_without_the_right_to_record_there_is_no_line(world, attack):
    def of(**cookies):
        with connect(world, client=TestClient(world.app, "http://clinic.test", cookies=cookies)):
            return "open"

    attack(of, 1008)
    attack(lambda: of(sign_in="x" * 43), 1008)
    viewer = doors.sign_in(world.db, "Viewer", Role.VIEWER)
    attack(lambda: of(sign_in=viewer), 1008)


@pytest.mark.attack("live view: the line of a camera from another site, from another host, and from no page at all")
def test_another_site_gets_no_line(world, attack):
    def of(headers):
        with connect(world, headers) as line:
            line.receive_json()

    attack(lambda: of(ORIGIN | {"origin": "http://evil.test"}), 1008)
    attack(lambda: of(ORIGIN | {"sec-fetch-site": "cross-site"}), 1008)
    attack(lambda: of({"host": "clinic.test"}), 1008)


def ended(world, *messages):
    with connect(world) as line:
        for message in messages:
            (line.send_bytes if isinstance(message, bytes) else line.send_text)(message)
        return end_of(line)


@pytest.mark.attack("live view: a patient of somebody else's, and one who is not there")
def test_another_s_patient_is_not_watched(world, watched, attack):
    attack(lambda: ended(world, json.dumps({"patient": world.foreign})), "not_your_patient")
    attack(lambda: ended(world, json.dumps({"patient": "0" * 32})), "unknown_patient")


@pytest.mark.attack("live view: a patient who did not consent")
def test_without_consent_nobody_is_watched(world, watched, attack):
    revoke(world.db, world.patient, Scope.ANALYSE)
    attack(lambda: ended(world, json.dumps({"patient": world.patient})), "consent_withdrawn")
    assert watched.closed == 0


@pytest.mark.parametrize(
    "first", ["", "[]", "{}", '{"patient": 3}', '{"patient": "../x"}', "[" * 50_000], ids=lambda text: text[:20]
)
def test_what_is_no_beginning_ends_it(world, watched, first):
    assert ended(world, first) == "no_live_view"


@pytest.mark.attack(
    "live view: a picture of a megabyte, bytes that are no picture, and more pictures than a camera makes"
)
def test_what_no_camera_sends_ends_it(world, attack, monkeypatch):
    nobody = json.dumps({"patient": None})
    attack(lambda: ended(world, nobody, bytes(CAMERA_BYTES + 5)), "too_big")
    attack(lambda: ended(world, nobody, b""), "too_big")
    attack(lambda: ended(world, nobody, picture(0, b"no picture")), "unknown_type")
    monkeypatch.setattr(live, "MOST_A_SECOND", 5)
    attack(lambda: ended(world, nobody, *[picture(0, jpeg(scene()))] * 40), "rate_limit")


@pytest.mark.attack("live view: a message of four megabytes that is no picture, first and later")
def test_a_long_message_is_not_even_parsed(world, watched, attack, monkeypatch):
    monkeypatch.setattr(live.json, "loads", only_short(live.json.loads))
    long = json.dumps({"patient": [{}] * 10**6})
    attack(lambda: ended(world, long), "no_live_view")
    attack(lambda: ended(world, json.dumps({"patient": None}), long), "no_live_view")


def only_short(parse):
    """Parse as before, and fail for what would hold everybody else up."""

    def loads(text):
        assert len(text) < 1000
        return parse(text)

    return loads


def forged(width, height):
    """A small JPEG whose header says another size."""
    content = bytearray(jpeg(scene()))
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(content)


@pytest.mark.attack("live view: a picture of 50 megapixels in 400 kB, one that claims four billion, and one cut off")
def test_a_picture_that_would_fill_the_memory_ends_it(world, attack):
    nobody, large = json.dumps({"patient": None}), io.BytesIO()
    Image.new("L", (8000, 6250)).save(large, "JPEG", quality=1, optimize=True)
    assert len(large.getvalue()) < CAMERA_BYTES
    attack(lambda: ended(world, nobody, picture(0, large.getvalue())), "too_large")
    attack(lambda: ended(world, nobody, picture(0, forged(65_000, 65_000))), "too_large")
    attack(lambda: ended(world, nobody, picture(0, jpeg(scene())[:1500])), "damaged_image")


@pytest.mark.parametrize("asked", ["x", "{}", '{"choose": -1}', '{"choose": "0"}', '{"choose": true}'])
def test_what_is_no_choice_ends_it(world, watched, asked):
    assert ended(world, json.dumps({"patient": None}), asked) == "no_live_view"


@pytest.mark.attack("live view: going on after the consent was withdrawn")
def test_withdrawn_consent_ends_it(world, watched, attack):
    def go_on():
        with connect(world) as line:
            begun(line, world.patient)
            revoke(world.db, world.patient, Scope.ANALYSE)
            return end_of(line)

    attack(go_on, "consent_withdrawn")
    wait_for(lambda: watched.closed == 1)


@pytest.mark.attack("live view: going on after the patient was handed over to a colleague")
def test_a_patient_who_went_to_a_colleague_is_watched_no_longer(world, watched, attack):
    def go_on():
        with connect(world) as line:
            begun(line, world.patient)
            with world.db.session() as session:
                session.execute(delete(Access).where(Access.patient_id == world.patient))
            return end_of(line)

    attack(go_on, "not_your_patient")


@pytest.mark.attack("live view: going on after signing out, and with an account that was disabled")
@pytest.mark.parametrize("by", ["signing out", "disabling"])
def test_the_end_of_the_sign_in_ends_it(world, watched, attack, by):
    def go_on():
        with connect(world) as line:
            begun(line)
            if by == "signing out":
                sessions.sign_out(world.db, world.who)
            else:
                accounts.disable(world.db, doors.actor(world.db, "Admin", Role.ADMINISTRATOR), world.who.account_id)
            while True:
                # The gate and the line itself both look; whichever is first says it.
                if "ended" in line.receive_json():
                    continue

    attack(go_on, 1008)
    wait_for(lambda: watched.closed == 1)


def test_a_view_is_closed_also_where_its_task_is_cancelled(watched, monkeypatch):
    """As when the server ends: within a cancelled scope nothing can be waited for any more."""
    ready = asyncio.Event()

    class Line:
        async def send_json(self, _message):
            ready.set()

        async def receive(self):
            await asyncio.Event().wait()

    async def nobody(_line):
        return None

    monkeypatch.setattr(live, "_whose", nobody)
    monkeypatch.setattr(
        live, "live", SimpleNamespace(begin=lambda *_: None, remaining_s=lambda *_: 100.0, holds_back=lambda *_: False)
    )

    async def cut():
        async with anyio.create_task_group() as group:
            group.start_soon(live._watch, Line(), None, asyncio.Semaphore(1), None, None)
            await ready.wait()
            group.cancel_scope.cancel()

    loops.run(cut())
    wait_for(lambda: watched.closed == 1)


def test_pictures_are_no_sign_of_the_person(world, watched, monkeypatch):
    noted = []
    monkeypatch.setattr(sessions, "note_activity", lambda db, actor: noted.append(actor))
    with connect(world) as line:
        begun(line)
        for number in range(3):
            line.send_bytes(picture(number))
            line.receive_json()
    assert noted == []


def test_the_page_is_told_before_the_sign_in_ends(world, watched, monkeypatch):
    monkeypatch.setattr(sessions, "remaining_s", lambda db, actor: 77.4)
    with connect(world) as line:
        begun(line)
        for _ in range(6000):
            line.send_bytes(picture())
            told = line.receive_json()
            if "ends_in_s" in told:
                break
    assert told["ends_in_s"] == 77


@pytest.mark.attack("live view: more lines than one account, or the whole clinic, may have open")
def test_lines_are_counted(world, watched, attack, monkeypatch):
    def one_more(client=None):
        with connect(world, client=client) as line:
            return end_of(line)

    with connect(world) as first, connect(world) as second:
        begun(first)
        begun(second)
        attack(one_more, "too_many_viewers")
        client = TestClient(world.app, "http://clinic.test", cookies={"sign_in": doors.sign_in(world.db, "Dr. Third")})
        with monkeypatch.context() as fewer:
            fewer.setattr(live, "MOST_VIEWERS", 2)
            attack(lambda: one_more(client), "too_many_viewers")
    wait_for(lambda: watched.closed == 2)


@pytest.mark.attack("live view: two hundred lines one after the other, each left without a word; and one more")
def test_lines_that_were_left_are_not_counted(world, watched, attack):
    for _ in range(200):
        with connect(world):
            pass

    def one_more():
        with connect(world) as line:
            begun(line)
            return "ready"

    attack(one_more, "ready")
