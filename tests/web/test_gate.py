"""The gate: what a stranger gets, what a role gets, and that an open line ends with its sign-in."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.proto.BackMsg_pb2 import BackMsg

from clinic import words
from clinic.accounts import accounts, sessions
from db.models import Account, Role, SignIn
from tests import doors
from tests.clinic.conftest import an_upload, cheap_hashes, db, patient, seal, settings, who  # noqa: F401  # fixtures
from web import paths, shares, streamlit_protocol, window
from web.gate import Behind, Gate

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""The gate asks `sessions` alone, which is tested on both kinds of database."""

CLOSING = b"please leave"
HOST = {"host": "clinic.test"}


async def inner(scope, receive, send):
    """What lies behind: says that it was reached; its websocket repeats what it hears."""
    if scope["type"] == "http":
        await PlainTextResponse(f"reached by {getattr(scope['actor'], 'name', 'nobody')}")(scope, receive, send)
        return
    line = WebSocket(scope, receive, send)
    await line.accept()
    try:
        while True:
            await line.send_bytes(await line.receive_bytes())
    except WebSocketDisconnect:
        return


def client_of(db, tls=False, app=inner, hosts=(), is_known=lambda path: True, refusal=lambda message: None, **cookies):
    behind = Behind(
        lambda: db,
        lambda message: message.startswith(b"click"),
        CLOSING,
        "default-src x",
        tls,
        hosts=hosts,
        is_known=is_known,
        refusal=refusal,
    )
    app = Gate(app, behind)
    return TestClient(
        app,
        base_url="http://clinic.test",
        cookies=cookies,
        follow_redirects=False,
    )


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(window, "WATCHED_EVERY_S", 0.02)


@pytest.fixture
def token(db):
    return doors.sign_in(db)


@pytest.fixture
def client(db, token):
    return client_of(db, sign_in=token)


BEHIND = ["/", "/caseload", "/media/abc.mp4", "/_stcore/upload_file/a/b", "/_stcore/metrics", "/_stcore/host-config"]


@pytest.mark.parametrize("path", [*BEHIND, "/static/js/index.js", "/sign-in/", "/_stcore/health/", "//sign-in"])
@pytest.mark.parametrize("cookies", [{}, {"sign_in": "x" * 43}, {"__Host-sign_in": "x" * 43}], ids=str)
def test_a_stranger_gets_nothing(db, path, cookies):
    answer = client_of(db, **cookies).get(path)
    assert (answer.status_code, answer.text) == (401, "Please sign in.")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_no_other_method_passes(db, method):
    assert client_of(db).request(method, "/_stcore/upload_file/a/b").status_code == 401


def test_a_person_is_sent_to_the_door_and_a_program_hears_ok(db):
    answer = client_of(db).get("/patient?patient=" + "a" * 32, headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert client_of(db).get("/_stcore/health").text == "ok"
    assert client_of(db).get("/sign-in").text == "reached by nobody"


def test_one_who_is_signed_in_passes_and_is_known(client):
    for path in ("/", paths.HEALTH):
        assert client.get(path).text == "reached by Dr. Invented"


@pytest.mark.parametrize("end", [sessions.sign_out, lambda db, actor: disable(db, actor)], ids=["sign-out", "disabled"])
def test_a_stolen_cookie_is_worth_nothing_afterwards(db, client, token, end):
    end(db, sessions.actor_of(db, token))
    assert client.get("/").status_code == 401


def disable(db, actor):
    accounts.disable(db, doors.actor(db, "Admin", Role.ADMINISTRATOR), actor.account_id)


def test_every_answer_carries_the_headers(client, db):
    for answer in (client.get("/"), client_of(db).get("/"), client_of(db).get("/sign-in")):
        headers = answer.headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src x"
        assert headers["x-frame-options"] == "DENY"
        assert "strict-transport-security" not in headers


def test_behind_tls_only_the_cookie_for_tls_counts(db, token):
    assert client_of(db, tls=True, sign_in=token).get("/").status_code == 401
    answer = client_of(db, tls=True, **{"__Host-sign_in": token}).get("/")
    assert answer.status_code == 200
    assert answer.headers["strict-transport-security"]


@pytest.mark.parametrize(
    "path",
    [
        "/_stcore/upload_file/a/b",
        "/media/abc",
        "/component/x/y",
        "/_stcore/agent/mcp",
        "/auth/login",
        "/oauth2callback",
    ],
)
def test_some_things_answer_nobody(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        (Role.VIEWER, "/uploads/a", 403),
        (Role.CLINICIAN, "/uploads/a", 200),
        (Role.CLINICIAN, "/_stcore/metrics", 403),
        (Role.ADMINISTRATOR, "/_stcore/metrics", 200),
    ],
)
def test_some_things_answer_some_roles(db, role, path, status):
    assert client_of(db, sign_in=doors.sign_in(db, "Somebody", role)).put(path).status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.test"},
        {"origin": "null"},
        {"origin": "http://clinic.test:8502"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
def test_other_sites_change_nothing_even_with_the_cookie(client, headers):
    assert client.post("/sign-in", headers=headers).status_code == 403
    assert client.put("/uploads/a", headers=headers).status_code == 403
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream", headers=HOST | headers):
        pass


def test_our_own_pages_may(client):
    headers = HOST | {"origin": "http://clinic.test", "sec-fetch-site": "same-origin"}
    assert client.put("/uploads/a", headers=headers).status_code == 200
    with client.websocket_connect("/_stcore/stream", headers=headers) as line:
        line.send_bytes(b"hello")
        assert line.receive_bytes() == b"hello"


def test_a_password_that_others_know_opens_one_page_alone(db):
    account = doors.add_account(db, "New", must_change=True)
    client = client_of(db, sign_in=sessions.sign_in(db, "New", doors.PASSWORD))
    assert account
    assert client.get("/").status_code == 403
    assert client.get("/", headers={"accept": "text/html"}).headers["location"] == "/change-password"
    assert client.get("/change-password").status_code == 200
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream"):
        pass


def test_a_stranger_s_websocket_is_refused(db):
    for cookies in ({}, {"sign_in": "x" * 43}):
        with (
            pytest.raises(WebSocketDisconnect) as refusal,
            client_of(db, **cookies).websocket_connect("/_stcore/stream"),
        ):
            pass
        assert refusal.value.code == 1008


def test_an_open_line_ends_with_its_sign_in_though_nobody_speaks(db, client, token):
    with client.websocket_connect("/_stcore/stream") as line:
        sessions.sign_out(db, sessions.actor_of(db, token))
        assert line.receive_bytes() == CLOSING
        with pytest.raises(WebSocketDisconnect) as end:
            line.receive_bytes()
    assert end.value.code == 1008


def test_nothing_is_heard_after_the_end(db, client, token, monkeypatch):
    monkeypatch.setattr(window, "WATCHED_EVERY_S", 60)
    with client.websocket_connect("/_stcore/stream") as line:
        sessions.sign_out(db, sessions.actor_of(db, token))
        line.send_bytes(b"one more thing")
        assert line.receive_bytes() == CLOSING


def seen_at(db):
    with db.read() as session:
        return session.scalar(select(SignIn.seen_at))


def test_timers_do_not_keep_anyone_signed_in(db, client):
    with db.session() as session:
        session.scalar(select(SignIn)).seen_at -= timedelta(minutes=10)
    before = seen_at(db)
    with client.websocket_connect("/_stcore/stream") as line:
        for message in (b"click of the page itself when it opens", b"timer", b"timer"):
            line.send_bytes(message)
            line.receive_bytes()
        client.get("/_stcore/host-config")
        assert seen_at(db) == before
        line.send_bytes(b"click")
        line.receive_bytes()
        assert seen_at(db) > before + timedelta(minutes=9)


def test_opening_a_page_is_an_action(db, client):
    with db.session() as session:
        session.scalar(select(SignIn)).seen_at -= timedelta(minutes=10)
    before = seen_at(db)
    client.get("/", headers={"sec-fetch-mode": "navigate"})
    assert seen_at(db) > before


def test_where_nobody_can_be_asked_nobody_stays(db, client, monkeypatch):
    with client.websocket_connect("/_stcore/stream") as line:
        monkeypatch.setattr(sessions, "actor_of", lambda *asked: 1 / 0)
        assert line.receive_bytes() == CLOSING


def test_a_line_that_idled_too_long_ends(db, client):
    with client.websocket_connect("/_stcore/stream") as line:
        with db.session() as session:
            session.scalar(select(SignIn)).seen_at -= sessions.IDLE
        assert line.receive_bytes() == CLOSING


def test_before_the_statement_is_accepted_one_page_opens_and_no_line(db):
    account = doors.add_account(db, "New", statement=None)
    with db.session() as session:
        client = client_of(db, sign_in=sessions.start(session, session.get_one(Account, account)))
    for path in ("/", "/caseload", "/downloads/x", "/recordings/x/video", "/patient-notice", paths.CHANGE_PASSWORD):
        assert client.get(path).status_code == 403
    assert client.get("/", headers={"accept": "text/html"}).headers["location"] == paths.INTENDED_USE
    assert client.get(paths.INTENDED_USE).text == "reached by New"
    assert client.get(paths.HEALTH).text == "ok"
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream", headers=HOST):
        pass
    accounts.accept_statement(db, sessions.actor_of(db, client.cookies["sign_in"]), words.STATEMENT_VERSION)
    assert client.get("/").text == "reached by New"


@pytest.mark.attack("a name of a stranger's that was pointed at this computer (DNS rebinding)")
def test_a_strange_name_gets_nothing(db, token, attack):
    client = client_of(db, hosts=("localhost",), sign_in=token)
    attack(lambda: client.get("/sign-in"), 421)
    assert client.get("/", headers={"host": "localhost:8501"}).status_code == 200

    def connect():
        with client.websocket_connect("/_stcore/stream"):
            raise AssertionError

    attack(connect, 1008)


@pytest.mark.attack("more windows than one account may have open; and another account then")
def test_windows_are_counted(db, client, attack, monkeypatch):
    monkeypatch.setattr(shares, "MOST_WINDOWS", 2)

    def one_more(of=client):
        with of.websocket_connect("/_stcore/stream") as line:
            line.send_bytes(b"timer")
            return line.receive_bytes().decode()

    with client.websocket_connect("/_stcore/stream"), client.websocket_connect("/_stcore/stream"):
        attack(one_more, 1008)
        attack(lambda: one_more(client_of(db, sign_in=doors.sign_in(db, "Dr. Other"))), "timer")
    assert one_more() == "timer", "those that were closed don't count"


@pytest.mark.attack("messages of a window with more states of widgets, or bytes, than any page has")
@pytest.mark.parametrize("states", [streamlit_protocol.MOST_STATES + 1, streamlit_protocol.MOST_BYTES], ids=str)
def test_too_large_a_message_ends_its_line_and_no_other(db, token, attack, states):
    client = client_of(db, refusal=streamlit_protocol.refusal, sign_in=token)
    message = BackMsg()
    one = message.rerun_script.widget_states.widgets.add()
    one.id = "a"
    for _ in range(states):
        message.rerun_script.widget_states.widgets.add()

    def send():
        with client.websocket_connect("/_stcore/stream") as line:
            line.send_bytes(message.SerializeToString())
            return line.receive_bytes()

    attack(send, window.TOO_LARGE)
    message.rerun_script.widget_states.Clear()
    assert send() == message.SerializeToString()


@pytest.mark.attack(
    "messages that no page sends: no message at all, text, one for Streamlit's tests, an id without end"
)
def test_a_message_that_no_page_sends_ends_its_line(db, token, attack):
    client = client_of(db, refusal=streamlit_protocol.refusal, sign_in=token)

    def answer_to(message):
        with client.websocket_connect("/_stcore/stream") as line:
            line.send({"type": "websocket.receive", **message})
            try:
                return line.receive_bytes()
            except WebSocketDisconnect as ended:
                return ended.code

    without_end = BackMsg()
    without_end.rerun_script.fragment_id = "a line of the log\n" * 100
    messages = [
        {"bytes": b"\xff\xff\xff\xff"},
        {"bytes": b""},
        {"text": "hello"},
        {"bytes": BackMsg(debug_shutdown_runtime=True).SerializeToString()},
        {"bytes": without_end.SerializeToString()},
    ]
    attack(lambda: [answer_to(one) for one in messages], [window.UNSUPPORTED] * 4 + [window.TOO_LARGE])
    beat = BackMsg(app_heartbeat=True).SerializeToString()
    assert answer_to({"bytes": beat}) == beat


def test_messages_of_one_account_wait_for_their_turn(db, client, monkeypatch):
    waited = []

    async def wait(_pace, account_id, length):
        waited.append((account_id, length))

    monkeypatch.setattr(shares.Pace, "wait", wait)
    with client.websocket_connect("/_stcore/stream") as line:
        line.send_bytes(b"click")
        assert line.receive_bytes() == b"click"
    assert waited == [(sessions.actor_of(db, client.cookies["sign_in"]).account_id, len(b"click"))]


@pytest.mark.attack("more open requests than one account may have, as of a video that nobody reads")
def test_open_requests_are_counted(db, token, attack, monkeypatch):
    monkeypatch.setattr(shares, "MOST_REQUESTS", 1)
    beside = []

    async def asks_another(scope, receive, send):
        if scope["path"] == "/first":
            beside.append(await run_in_threadpool(client.get, "/caseload"))
            beside.append(await run_in_threadpool(client.get, "/static/a.js"))
        await inner(scope, receive, send)

    client = client_of(db, app=asks_another, sign_in=token)
    assert client.get("/first").status_code == 200
    attack(lambda: beside[0], 429)
    assert [beside[1].status_code, client.get("/caseload").status_code] == [200, 200]


@pytest.mark.attack("an address that nothing answers to, by one who is signed in")
@pytest.mark.parametrize("path", ["/wp-admin", "/caseload/x", "/.env", "/_stcore/other", "/media2"])
def test_an_unknown_address_is_no_page(db, token, path, attack):
    client = client_of(db, is_known=lambda path: path in ("/", "/caseload"), sign_in=token)
    attack(lambda: client.get(path), 404)
    assert client.get("/caseload").status_code == 200


async def with_cookies(scope, receive, send):
    answer = PlainTextResponse("a page")
    answer.headers.append("set-cookie", "_streamlit_xsrf=1; Path=/")
    answer.headers.append("set-cookie", "other=1; Secure")
    await answer(scope, receive, send)


@pytest.mark.parametrize("tls", [True, False])
def test_every_cookie_is_for_tls_alone_behind_tls(db, token, tls):
    name = "__Host-sign_in" if tls else "sign_in"
    answer = client_of(db, tls=tls, app=with_cookies, **{name: token}).get("/")
    first, second = answer.headers.get_list("set-cookie")
    assert first == "_streamlit_xsrf=1; Path=/" + ("; Secure" if tls else "")
    assert second == "other=1; Secure"
