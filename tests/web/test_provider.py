"""Signing in at another provider: there and back against a real server, and everything that has to be refused."""

import gzip
import html
import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc.jwk import RSAKey
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from clinic.accounts import accounts, bounded_answers, identities, oidc, sessions, totp
from db.models import Account, ProviderAttempt, ProviderIdentity, Role, SignIn
from fer_core.errors import FerError
from tests import provider as providers
from tests.doors import PASSWORD, actor, add_account, code_at
from tests.provider import CLIENT_ID, CLIENT_SECRET
from web import attempts, sign_in
from web import provider as provider_pages
from web.attempts import AddressLimit
from web.gate import Behind, Gate
from web.resources import database, resources

NAME = "Dr. Invented"


@pytest.fixture(scope="module")
def served():
    with providers.running() as provider:
        yield provider


@pytest.fixture
def provider(served, monkeypatch):
    """The provider, as it is when nothing is wrong with it."""
    monkeypatch.setenv("FER_OIDC_ISSUER", served.issuer)
    monkeypatch.setenv("FER_OIDC_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("FER_OIDC_CLIENT_SECRET", CLIENT_SECRET)
    truth = dict(vars(served))
    yield served
    vars(served).update(truth | {"changed": {}, "given": {}})


@pytest.fixture
def client(provider, settings):
    home = Route("/", lambda request: PlainTextResponse(f"Hello {request.scope['actor'].name}"))
    behind = Behind(database, lambda message: True, b"", "default-src 'self'")
    app = Starlette(
        routes=[*sign_in.ROUTES, *provider_pages.ROUTES, home], middleware=[Middleware(Gate, behind=behind)]
    )
    return TestClient(app, base_url="http://clinic.test", headers={"accept": "text/html"}, follow_redirects=False)


@pytest.fixture
def link(client, provider):
    """Return a function that links the account, which is added if need be; by default by the e-mail address."""
    who = actor(database(), "Admin", Role.ADMINISTRATOR)

    def make(named="Ann@Example.test", name=NAME, **values):
        account_id = add_account(database(), name, **values)
        identities.link(database(), who, account_id, provider.issuer, named)
        return account_id

    return make


def go(client):
    """Go to the provider; return the address to which it sends the browser back."""
    away = client.get("/provider")
    assert away.status_code == 303
    back = httpx2.get(away.headers["location"], follow_redirects=False).headers["location"]
    return back.removeprefix("http://clinic.test")


def there_and_back(client):
    return client.get(go(client))


def sign_in_rows():
    with database().read() as session:
        return len(session.scalars(select(SignIn).where(SignIn.by_provider)).all())


def test_there_and_back_again(client, link):
    link()
    away = client.get("/provider")
    asked = parse_qs(urlsplit(away.headers["location"]).query)
    cookie = away.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert asked["redirect_uri"] == ["http://clinic.test/provider/back"]
    answer = there_and_back(client)
    assert answer.status_code == 200
    assert 'http-equiv="refresh" content="0;url=/"' in answer.text
    assert client.get("/").text == f"Hello {NAME}"


def test_the_first_sign_in_binds_the_subject_for_good(client, link, provider):
    link()
    there_and_back(client)
    with database().read() as session:
        assert session.scalar(select(ProviderIdentity)).subject == "subject-1"
    provider.person = provider.person | {"email": "renamed@example.test"}
    client.cookies.clear()
    assert there_and_back(client).status_code == 200
    provider.person = {"sub": "subject-2", "email": "ann@example.test", "email_verified": True}
    client.cookies.clear()
    assert there_and_back(client).status_code == 403


def test_a_subject_may_be_named_at_once(client, link):
    link("subject-1")
    assert there_and_back(client).status_code == 200


def test_the_button_is_there_only_where_a_provider_is(client, link, monkeypatch):
    link()
    assert "Sign in with your organisation" in client.get("/sign-in").text
    for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.delenv(f"FER_OIDC_{name}")
    assert "organisation" not in client.get("/sign-in").text
    assert client.get("/provider").headers["location"] == "/sign-in"
    assert client.get("/provider/back").headers["location"] == "/sign-in"


def refused(client, provider, attack, code, **changed):
    """Try to come in with a token in which something is changed."""
    provider.changed = changed
    back = parse_qs(urlsplit(go(client)).query)
    held = client.cookies["departed"]
    where = ("http://clinic.test/provider/back", back["state"][0], held, back["code"][0])
    attack(lambda: identities.sign_in(database(), oidc.arrive(database(), resources().settings.provider, *where)), code)
    assert sign_in_rows() == 0
    assert there_and_back(client).status_code == 403
    assert client.get("/").status_code == 303


@pytest.mark.attack("OIDC: a token with the nonce of another sign-in")
def test_another_nonce(client, link, provider, attack):
    link()
    refused(client, provider, attack, "provider_token", nonce="of another")


@pytest.mark.attack("OIDC: a token for another program")
@pytest.mark.parametrize(
    "changed", [{"aud": "another"}, {"aud": [CLIENT_ID, "x"], "azp": "x"}, {"aud": CLIENT_ID, "azp": "x"}], ids=str
)
def test_another_audience(client, link, provider, attack, changed):
    link()
    refused(client, provider, attack, "provider_token", **changed)


@pytest.mark.attack("OIDC: a token for this program and another one, which doesn't say to which of them it was issued")
def test_a_second_audience(client, link, provider, attack):
    link()
    refused(client, provider, attack, "provider_token", aud=[CLIENT_ID, "x"])
    provider.changed = {"aud": [CLIENT_ID, "x"], "azp": CLIENT_ID}
    assert there_and_back(client).status_code == 200


@pytest.mark.attack("OIDC: a token that ran out, or has no end")
@pytest.mark.parametrize("end", [lambda: int(time.time()) - 3600, lambda: None], ids=["past", "none"])
def test_a_token_that_ran_out(client, link, provider, attack, end):
    link()
    refused(client, provider, attack, "provider_token", exp=end())


@pytest.mark.attack("OIDC: a token of another issuer")
@pytest.mark.parametrize("issuer", ["https://elsewhere.test", "{}/"])
def test_another_issuer(client, link, provider, attack, issuer):
    link()
    refused(client, provider, attack, "provider_token", iss=issuer.format(provider.issuer))


@pytest.mark.attack("OIDC: an answer of the provider that is JSON within JSON without end")
def test_an_answer_without_end(client, link, provider, attack):
    link()
    provider.answers = "[" * 200_000
    refused(client, provider, attack, "provider_unreachable")


@pytest.mark.attack("OIDC: an answer of the provider that is larger than any can be, or compressed")
@pytest.mark.parametrize("kind", ["large", "compressed"])
def test_an_answer_that_is_too_large(client, link, provider, attack, kind):
    link()
    provider.answers = PlainTextResponse(" " * (bounded_answers.MOST_BYTES + 1 if kind == "large" else 10))
    if kind == "compressed":
        provider.answers = PlainTextResponse(gzip.compress(b" " * 1000), headers={"Content-Encoding": "gzip"})
    refused(client, provider, attack, "provider_unreachable")


@pytest.mark.attack("OIDC: a code that another provider gave, or one that the provider doesn't name itself with")
def test_a_code_of_another_provider(client, link, provider, attack):
    link()
    where = ("http://clinic.test/provider/back",)
    for names_itself, issuer in ((True, None), (True, "https://elsewhere.test"), (False, "https://elsewhere.test")):
        provider.names_itself = names_itself
        back = parse_qs(urlsplit(go(client)).query)
        held = client.cookies["departed"]
        asked = (*where, back["state"][0], held, back["code"][0], issuer)
        attack(lambda asked=asked: oidc.arrive(database(), resources().settings.provider, *asked), "provider_token")
        assert back["code"][0] in provider.given
    provider.names_itself = True
    assert there_and_back(client).status_code == 200


@pytest.mark.attack("OIDC: a token that somebody else signed, or signed with the public key as a secret")
@pytest.mark.parametrize("kind", ["another key", "public key"])
def test_another_signature(client, link, provider, attack, kind):
    link()
    provider.signing = RSAKey.generate_key(2048) if kind == "another key" else None
    refused(client, provider, attack, "provider_token")


@pytest.mark.attack("OIDC: somebody whom the provider knows and the clinic doesn't")
def test_an_unknown_person(client, link, provider, attack):
    link()
    refused(client, provider, attack, "sign_in_refused", sub="stranger", email="stranger@example.test")
    with database().read() as session:
        assert len(session.scalars(select(Account)).all()) == 2


@pytest.mark.attack("OIDC: a colleague's e-mail address that the provider has not verified")
@pytest.mark.parametrize("said", [False, "true", None], ids=str)
def test_an_address_that_is_not_verified(client, link, provider, attack, said):
    link()
    refused(client, provider, attack, "sign_in_refused", email_verified=said)


@pytest.mark.attack("OIDC: another's e-mail address that Unicode folds to a colleague's")
@pytest.mark.parametrize(
    ("linked", "comes"), [("straße@example.test", "strasse@example.test"), ("ken@x.test", "\u212aen@x.test")]
)
def test_an_address_that_unicode_folds_to_another_s_is_refused(client, provider, link, attack, linked, comes):
    link(linked)
    refused(client, provider, attack, "sign_in_refused", email=comes)
    assert oidc.folded_address("Ann@Example.test") == "ann@example.test"


@pytest.mark.attack("OIDC: a disabled account")
def test_a_disabled_account(client, link, provider, attack):
    account_id = link()
    accounts.disable(database(), actor(database(), "Other", Role.ADMINISTRATOR), account_id)
    refused(client, provider, attack, "sign_in_refused")


@pytest.mark.attack("OIDC: the address of a finished sign-in opened again, or in another browser")
def test_a_state_is_good_once_and_in_one_browser(client, link, attack):
    link()
    back = go(client)
    held = client.cookies["departed"]
    client.cookies.clear()
    assert client.get(back).status_code == 403
    client.cookies.set("departed", held)
    assert client.get(back).status_code == 200
    assert sign_in_rows() == 1
    client.cookies.clear()
    client.cookies.set("departed", held)
    answer = client.get(back)
    assert answer.status_code == 403
    query = parse_qs(urlsplit(back).query)
    where = ("http://clinic.test/provider/back", query["state"][0], held, query["code"][0])
    attack(lambda: oidc.arrive(database(), resources().settings.provider, *where), "provider_state")
    assert sign_in_rows() == 1


def test_who_was_away_too_long_begins_again(client, link):
    link()
    back = go(client)
    with database().session() as session:
        session.scalar(select(ProviderAttempt)).created_at -= oidc.AWAY + timedelta(seconds=1)
    assert client.get(back).status_code == 403


def test_no_code_or_no_state_is_refused(client, link):
    link()
    for query in ("", "?state=x&code=y", "?error=access_denied"):
        assert client.get(f"/provider/back{query}").status_code == 403


def test_an_account_with_a_second_step_is_asked_for_it_here_too(client, link):
    link()
    who = sessions.actor_of(database(), sessions.sign_in(database(), NAME, PASSWORD))
    settings = resources().settings
    made = totp.begin(database(), settings, who, PASSWORD)
    totp.confirm(database(), settings, who, code_at(made.secret, time.time()))
    assert there_and_back(client).status_code == 200
    assert client.get("/sign-in").headers["location"] == "/second-step"


def test_a_first_password_that_others_saw_is_worth_nothing_afterwards(client, link):
    link(must_change=True)
    there_and_back(client)
    assert client.get("/").text == f"Hello {NAME}"
    assert client.post("/sign-in", data={"name": NAME, "password": PASSWORD}).status_code == 403


def test_ending_the_link_ends_the_sign_ins(client, link):
    account_id = link()
    there_and_back(client)
    admin = actor(database(), "Other", Role.ADMINISTRATOR)
    linked = {row.name: row.provider for row in accounts.list_accounts(database(), admin)}
    assert linked == {"Admin": None, NAME: "ann@example.test", "Other": None}
    identities.unlink(database(), admin, account_id)
    assert client.get("/").status_code == 303
    assert there_and_back(client).status_code == 403


def test_one_person_at_the_provider_is_one_account(client, link):
    link()
    for named, code in (("ann@example.TEST", "identity_taken"), ("", "bad_identity"), ("a b", "bad_identity")):
        with pytest.raises(FerError) as refusal:
            link(named, name=f"Another {named}")
        assert refusal.value.code == code


def test_a_provider_that_is_not_there_is_reported(client, link, monkeypatch):
    link()
    monkeypatch.setenv("FER_OIDC_ISSUER", "http://127.0.0.1:9")
    answer = client.get("/provider")
    assert (answer.status_code, "can't be reached" in html.unescape(answer.text)) == (503, True)


def another(client):
    """Another browser."""
    return TestClient(client.app, base_url=client.base_url, headers=client.headers, follow_redirects=False)


def come_back(client, location):
    back = httpx2.get(location, follow_redirects=False).headers["location"]
    return client.get(back.removeprefix("http://clinic.test"))


@pytest.mark.attack("a flood of departures to the sign-in provider from many addresses: who left just before gets back")
def test_a_flood_of_departures_pushes_itself_out(client, link, monkeypatch, attack):
    link()
    monkeypatch.setattr(oidc, "MOST_AWAY", 2)
    old, honest, flood = (another(client) for _ in range(3))
    ways = [one.get("/provider") for one in (old, honest, flood)]
    assert [way.status_code for way in ways] == [303, 303, 303]
    attack(lambda: come_back(honest, ways[1].headers["location"]).status_code, 200)
    assert come_back(old, ways[0].headers["location"]).status_code == 403


@pytest.mark.attack("a flood of departures to the sign-in provider from one address")
def test_one_address_has_few_departures(client, link, monkeypatch, attack):
    link()
    # A clock that stands: on a busy machine the departures below would take long enough to earn another one.
    limit = AddressLimit(attempts.BURST, attempts.REFILL_S, lambda: 0.0)
    monkeypatch.setattr(provider_pages._WAITING, "_limit", limit)
    assert {client.get("/provider").status_code for _ in range(attempts.BURST)} == {303}
    attack(lambda: client.get("/provider"), 429)
