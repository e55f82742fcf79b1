"""The pages outside Streamlit: the first administrator, signing in, one's own password."""

import html

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from clinic import words
from clinic.accounts import sessions
from db.models import Account, AuditRow, SignInFailure
from tests.doors import PASSWORD, add_account
from web import sign_in
from web.gate import Behind, Gate
from web.resources import database, first_code_message, resources

NEW = "ten dry umbrellas"
ACCEPTED = {"accepted": "yes", "version": str(words.STATEMENT_VERSION)}


@pytest.fixture
def client(settings):
    home = Route("/", lambda request: PlainTextResponse(f"Hello {request.scope['actor'].name}"))
    behind = Behind(database, lambda message: True, b"", "default-src 'self'", settings.behind_tls)
    app = Starlette(routes=[*sign_in.ROUTES, home], middleware=[Middleware(Gate, behind=behind)])
    return TestClient(app, base_url="https://clinic.test" if settings.behind_tls else "http://clinic.test")


def test_the_first_visit_makes_an_administrator_and_is_over_then(client):
    assert resources().first_code in first_code_message()
    shown = client.get("/", headers={"accept": "text/html"})
    assert shown.url.path == "/first-run"
    form = {"code": "wrong", "name": "Ada", "password": PASSWORD, "again": PASSWORD}
    assert "not the code" in client.post("/first-run", data=form).text
    form["code"] = resources().first_code
    assert "differ" in client.post("/first-run", data=form | {"again": NEW}).text
    shown = client.post("/first-run", data=form, headers={"accept": "text/html"})
    assert shown.url.path == "/intended-use"
    assert client.post("/intended-use", data=ACCEPTED).text == "Hello Ada"
    assert first_code_message() is None
    assert client.get("/first-run").text == "Hello Ada"
    client.cookies.clear()
    assert client.post("/first-run", data=form, headers={"accept": "text/html"}).url.path == "/sign-in"


@pytest.mark.attack("HEAD in the place of a form, which no check for other sites looks at: whether it is an attempt")
def test_a_head_is_no_form(client, attack):
    add_account(database())
    attack(lambda: client.head("/sign-in").status_code, 200)
    client.post("/sign-in", data={"name": "dr. invented", "password": PASSWORD}, follow_redirects=False)
    attack(lambda: client.head("/change-password").status_code, 200)
    with database().read() as session:
        assert session.scalars(select(SignInFailure)).all() == []


def test_signing_in_sets_a_cookie_that_scripts_and_other_sites_cannot_have(client):
    add_account(database())
    answer = client.post("/sign-in", data={"name": "dr. invented", "password": PASSWORD}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("sign_in=")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "expires" not in cookie
    assert client.get("/").text == "Hello Dr. Invented"
    assert client.get("/sign-in").text == "Hello Dr. Invented"


@pytest.mark.parametrize("settings", [{"FER_BEHIND_TLS": "1"}], indirect=True)
def test_behind_tls_the_cookie_is_for_tls_alone(client):
    add_account(database())
    answer = client.post("/sign-in", data={"name": "Dr. Invented", "password": PASSWORD}, follow_redirects=False)
    assert answer.headers["set-cookie"].startswith("__Host-sign_in=")
    assert "; secure" in answer.headers["set-cookie"].lower()


def test_a_wrong_password_is_one_sentence_with_the_name_kept_as_text(client):
    add_account(database())
    name = '"><script>alert(1)</script>'
    answer = client.post("/sign-in", data={"name": name, "password": "x"})
    assert answer.status_code == 403
    assert "name or the password is wrong" in answer.text
    assert "<script>" not in answer.text
    assert "set-cookie" not in answer.headers


def test_too_many_attempts_have_to_wait(client):
    add_account(database())
    form = {"name": "Dr. Invented", "password": "wrong"}
    codes = [client.post("/sign-in", data=form).status_code for _ in range(6)]
    assert codes == [403] * 5 + [429]


@pytest.mark.parametrize(
    "content", [b"", b"name=" + b"x" * 40_000, b"\xff\xfe&&==", b"name=a&" * 50], ids=["", "large", "odd", "many"]
)
def test_odd_forms_are_refused_quietly(client, content):
    add_account(database())
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = client.post("/sign-in", content=content, headers=headers)
    assert answer.status_code == 403


def test_a_first_password_has_to_be_changed_and_other_browsers_end(client):
    add_account(database(), must_change=True)
    other = sessions.sign_in(database(), "Dr. Invented", PASSWORD)
    shown = client.post(
        "/sign-in", data={"name": "Dr. Invented", "password": PASSWORD}, headers={"accept": "text/html"}
    )
    assert shown.url.path == "/change-password"
    assert "choose your own" in shown.text
    form = {"current": PASSWORD, "password": NEW, "again": NEW}
    assert "differ" in client.post("/change-password", data=form | {"again": "x"}).text
    assert "at least 15" in client.post("/change-password", data=form | {"password": "x", "again": "x"}).text
    assert client.post("/change-password", data=form).text == "Hello Dr. Invented"
    assert sessions.actor_of(database(), other) is None


def test_a_dead_cookie_is_taken_away(client):
    add_account(database())
    client.cookies.set("sign_in", "x" * 43)
    answer = client.get("/sign-in")
    assert 'sign_in=""' in answer.headers["set-cookie"]


def test_the_pages_allow_no_script_at_all(client):
    add_account(database())
    policy = client.get("/sign-in").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script" not in policy


def test_nothing_opens_before_the_intended_use_is_accepted_once(client):
    account = add_account(database(), statement=None, accepted_at=None)
    form = {"name": "Dr. Invented", "password": PASSWORD}
    shown = client.post("/sign-in", data=form, headers={"accept": "text/html"})
    assert shown.url.path == "/intended-use"
    assert all(point in html.unescape(shown.text) for point in words.STATEMENT)
    assert client.get("/").status_code == client.get("/change-password").status_code == 403
    for refused in ({}, {"version": "1"}, {"accepted": "yes"}, {"accepted": "yes", "version": "-1"}):
        assert "Please tick" in client.post("/intended-use", data=refused).text
    assert "has changed" in client.post("/intended-use", data=ACCEPTED | {"version": "99"}).text
    assert client.get("/").status_code == 403
    assert client.post("/intended-use", data=ACCEPTED).text == "Hello Dr. Invented"
    with database().read() as session:
        stored = session.get_one(Account, account)
        assert (stored.statement, stored.accepted_at is not None) == (words.STATEMENT_VERSION, True)
        actions = list(session.scalars(select(AuditRow.action).where(AuditRow.account_id == account)))
    assert actions.count("statement_accepted") == 1
    assert "You have accepted this" in client.get("/intended-use").text
    client.cookies.clear()
    assert client.post("/sign-in", data=form).text == "Hello Dr. Invented"


def test_a_new_version_of_the_statement_asks_everybody_again(client, monkeypatch):
    add_account(database())
    assert client.post("/sign-in", data={"name": "Dr. Invented", "password": PASSWORD}).text == "Hello Dr. Invented"
    monkeypatch.setattr(words, "STATEMENT_VERSION", words.STATEMENT_VERSION + 1)
    assert client.get("/", headers={"accept": "text/html"}).url.path == "/intended-use"
