"""The page of `fer live`: it answers to its own address on this computer, and to nothing else."""

import http.client
import io
import json
import threading
from urllib.parse import urlsplit

import pytest
from PIL import Image

from fer_core.__main__ import main
from fer_core.analyzer import Analyzer
from fer_core.live import command
from fer_core.live.page import LocalPage
from fer_core.live.view import LiveView
from fer_core.media.camera import CAMERA_BYTES
from tests.fakes import FakeClassifier, FakeDetector, face_at
from tests.media import scene

JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture
def page():
    analyzer = Analyzer(FakeClassifier(), FakeDetector(lambda rgb: [face_at(100, 80)]))
    with LiveView(analyzer) as view, LocalPage(view) as served:
        serving = threading.Thread(target=served.serve_forever)
        serving.start()
        yield served
        served.shutdown()
        serving.join()


def ask(page, method="GET", name="", body=None, **headers):
    """Ask as the page itself does, unless headers say otherwise; return status and content."""
    address = urlsplit(page.address)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    sent = {"Origin": f"http://{address.netloc}"} | {key.replace("_", "-"): value for key, value in headers.items()}
    connection.request(method, name if name.startswith("/") else page.path + name, body, sent)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def picture(number):
    content = io.BytesIO()
    Image.fromarray(scene()).save(content, "JPEG")
    return number.to_bytes(4, "little") + content.getvalue()


def test_it_listens_on_this_computer_alone(page):
    assert page.server_address[0] == "127.0.0.1"


def test_the_page_and_its_files_are_there(page):
    for name, within in (
        ("", b"live.css"),
        ("start.js", b"happy-like"),
        ("start.js", b'"neutral"'),
        ("live.js", b"export default"),
        ("live.css", b".live"),
    ):
        status, content = ask(page, name=name)
        assert status == 200
        assert within in content


@pytest.mark.parametrize(("fault", "said"), [(BrokenPipeError, False), (ConnectionResetError, False), (OSError, True)])
def test_a_page_that_is_closed_meanwhile_is_no_traceback(page, capsys, fault, said):
    try:
        raise fault
    except OSError:
        page.handle_error(None, ("127.0.0.1", 1))
    assert bool(capsys.readouterr().err) == said


def test_a_face_is_found_chosen_and_labelled(page):
    status, content = ask(page, "POST", "pictures", picture(1), **JPEG)
    told = json.loads(content)
    assert (status, told["number"], told["chosen"], len(told["faces"])) == (200, 1, None, 1)
    chosen = json.dumps({"choose": told["faces"][0]["number"]})
    assert ask(page, "POST", "pictures", chosen, **{"Content-Type": "application/json"}) == (200, b"{}")
    told = json.loads(ask(page, "POST", "pictures", picture(2), **JPEG)[1])
    assert told["faces"][0]["probabilities"][3] == pytest.approx(0.8)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.test"},
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Content_Length": str(CAMERA_BYTES + 5)},
        {"Content_Length": "-1"},
    ],
    ids=str,
)
@pytest.mark.attack(
    "`fer live`: its page asked for by another site or name, without its address's word, or for too much"
)
def test_others_get_nothing(page, attack, headers):
    attack(lambda: ask(page, "POST", "pictures", b"", **JPEG | headers)[0], 404)


@pytest.mark.attack(
    "`fer live`: its page asked for by another site or name, without its address's word, or for too much"
)
def test_without_the_word_there_is_nothing(page, attack):
    for path in ("/", "/live.js", "/pictures", f"{page.path}../live.js", f"/{'x' * 32}/"):
        attack(lambda path=path: ask(page, name=path)[0], 404)
    attack(lambda: ask(page, Host="rebound.test:80")[0], 404)


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"1234no picture", "image/jpeg", "unknown_type"),
        (b"[]", "application/json", "no_live_view"),
        (b'{"choose": "1"}', "application/json", "no_live_view"),
        (b"[" * 50_000, "application/json", "no_live_view"),
    ],
    ids=["text", "list", "word", "deep"],
)
def test_what_no_page_of_ours_sends_is_refused(page, body, kind, code):
    status, content = ask(page, "POST", "pictures", body, **{"Content-Type": kind})
    assert (status, json.loads(content)["ended"]) == (200, code)


def test_the_command_opens_the_page_and_ends_with_ctrl_c(monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(
        "fer_core.analyzer.Analyzer.open", lambda card, device: Analyzer(FakeClassifier(), FakeDetector(lambda rgb: []))
    )

    def interrupted(page):
        assert page.address in opened
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalPage, "serve_forever", interrupted)
    monkeypatch.setattr(command.webbrowser, "open", opened.append)
    assert main(["live"]) == 130
    assert opened[0] in capsys.readouterr().out
