"""Your account: the second step from its QR code to the sign-in that asks for it, and where it is demanded of all."""

import html
import re

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from clinic.accounts import totp
from tests import doors
from tests.doors import PASSWORD, add_account, code_at
from web import account, sign_in
from web.gate import Behind, Gate
from web.resources import database

PAGE = {"accept": "text/html"}
BEGIN = {"action": "begin", "current": PASSWORD}


@pytest.fixture
def clock(monkeypatch):
    """The time of the codes, in seconds, which a test sets."""
    return doors.clock_of(monkeypatch, totp)


@pytest.fixture
def client(settings):
    home = Route("/", lambda request: PlainTextResponse(f"Hello {request.scope['actor'].name}"))
    behind = Behind(
        database, lambda message: True, b"", "default-src 'self'", need_second_step=settings.need_second_step
    )
    app = Starlette(routes=[*sign_in.ROUTES, *account.ROUTES, home], middleware=[Middleware(Gate, behind=behind)])
    return TestClient(app, base_url="http://clinic.test", headers=PAGE)


def enter(client):
    return client.post("/sign-in", data={"name": "Dr. Invented", "password": PASSWORD})


def secret_of(page):
    return re.search(r'<p class="said code">([A-Z2-7 ]+)</p>', page.text).group(1).replace(" ", "")


def turn_on(client, clock):
    """Turn the second step on as its owner does; return the secret and the page with the recovery codes."""
    secret = secret_of(client.post("/your-account", data=BEGIN))
    codes = client.post("/your-account", data={"action": "confirm", "code": code_at(secret, clock[0])})
    clock[0] += 30
    return secret, codes


def test_from_the_qr_code_to_a_sign_in_that_asks_for_it(client, clock):
    add_account(database())
    enter(client)
    assert "Second step: off" in client.get("/your-account").text
    shown = client.post("/your-account", data=BEGIN)
    assert "<svg" in shown.text
    assert "http" not in re.sub(r"<svg.*?</svg>", "", shown.text, flags=re.DOTALL)
    secret, codes = turn_on(client, clock)
    assert len(re.findall(r'<li class="code">', codes.text)) == totp.RECOVERY_CODES
    assert "Second step: on" in client.get("/your-account").text
    client.cookies.clear()
    asked = enter(client)
    assert asked.url.path == "/second-step"
    assert client.get("/").url.path == "/second-step"
    assert client.get("/sign-in").url.path == "/second-step"
    wrong = client.post("/second-step", data={"code": "000000"})
    assert (wrong.status_code, "is wrong" in wrong.text) == (403, True)
    assert client.post("/second-step", data={"code": code_at(secret, clock[0])}).text == "Hello Dr. Invented"
    assert client.get("/second-step").text == "Hello Dr. Invented"


def test_a_mistyped_code_shows_the_same_secret_again(client, clock):
    add_account(database())
    enter(client)
    secret = secret_of(client.post("/your-account", data=BEGIN))
    again = client.post("/your-account", data={"action": "confirm", "code": "123"})
    assert again.status_code == 403
    assert secret_of(again) == secret


def test_it_is_turned_off_with_password_and_code(client, clock):
    add_account(database())
    enter(client)
    secret, _ = turn_on(client, clock)
    form = {"action": "off", "current": PASSWORD}
    assert "is wrong" in client.post("/your-account", data=form | {"code": "1"}).text
    assert "is wrong" in client.post("/your-account", data=form | {"current": "wrong", "code": "1"}).text
    done = client.post("/your-account", data=form | {"code": code_at(secret, clock[0])})
    assert "Second step: off" in done.text


def test_new_recovery_codes_are_shown_once(client, clock):
    add_account(database())
    enter(client)
    secret, first = turn_on(client, clock)
    form = {"action": "renew", "current": PASSWORD, "code": code_at(secret, clock[0])}
    second = client.post("/your-account", data=form)
    found = [set(re.findall(r'<li class="code">(.*?)</li>', page.text)) for page in (first, second)]
    assert not found[0] & found[1]
    assert not any(code in client.get("/your-account").text for code in found[1])


@pytest.mark.parametrize("settings", [{"FER_NEED_TOTP": "1"}], indirect=True)
def test_where_it_is_demanded_nothing_else_opens_before(client, clock):
    add_account(database())
    asked = enter(client)
    assert asked.url.path == "/your-account"
    assert "asks everyone" in asked.text
    assert client.get("/").url.path == "/your-account"
    assert client.get("/", headers={"accept": "*/*"}).status_code == 403
    assert client.get("/change-password").url.path == "/change-password"
    turn_on(client, clock)
    assert client.get("/").text == "Hello Dr. Invented"


@pytest.mark.attack("a name with a script in it, on the account's own page")
def test_a_name_with_a_script_is_text(client, attack):
    name = "<script>alert(1)</script>"
    add_account(database(), name)
    client.post("/sign-in", data={"name": name, "password": PASSWORD})
    shown = client.get("/your-account").text
    assert "<script>" not in shown
    attack(lambda: re.search(r"</h1>\s*<p>(.*?),", shown).group(1), html.escape(name))


def test_an_unknown_action_changes_nothing(client):
    add_account(database())
    enter(client)
    for form in ({}, {"action": "x"}, {"action": "confirm"}):
        assert client.post("/your-account", data=form).status_code in (200, 403)
    assert "Second step: off" in client.get("/your-account").text
