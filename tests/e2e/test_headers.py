"""What a real server says of itself, of addresses that are none, and in its log."""

import http.client
import json
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from tests.doors import PASSWORD

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_worker")]


def asked(server, path, method="GET", body=None, **headers):
    with closing(http.client.HTTPConnection(urlsplit(server).netloc, timeout=20)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer, answer.read()


@pytest.fixture
def cookie(account, server):
    form = urlencode({"name": "Dr. Invented", "password": PASSWORD})
    answer, _ = asked(server, "/sign-in", "POST", form, **{"Content-Type": "application/x-www-form-urlencoded"})
    return answer.headers["set-cookie"].split(";")[0]


@pytest.mark.attack(
    "the real server: its name, foreign origins, unknown addresses, another name, Streamlit's own upload"
)
def test_the_real_server_gives_nothing_away(server, cookie, tmp_path, attack):
    for path in ("/", "/sign-in", "/caseload"):
        attack(lambda path=path: asked(server, path, Cookie=cookie)[0].headers.get("server"), None)
    config = json.loads(asked(server, "/_stcore/host-config", Cookie=cookie)[1])
    attack(lambda: config["allowedOrigins"], [])
    for path in ("/wp-admin", "/caseload/wp-admin", "/_stcore/other", "/index.html"):
        attack(lambda path=path: asked(server, path, Cookie=cookie)[0].status, 404)
    attack(lambda: asked(server, "/sign-in", Host="evil.example")[0].status, 421)
    for path in ("/", "/caseload", "/record", "/favicon.png", "/manifest.json", "/_stcore/health", "/_stcore/metrics"):
        assert asked(server, path, Cookie=cookie)[0].status == 200, path
    said = Path(tmp_path / "server.log").read_text()
    assert "Traceback" not in said
    assert "ERROR" not in said
