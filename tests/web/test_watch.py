"""The frame of every page carries the watch, and the policy lets it run."""

from starlette.applications import Starlette
from starlette.testclient import TestClient

from web import streamlit_protocol, watch

client = TestClient(Starlette(routes=watch.routes(["caseload", "patient"])))


def test_each_page_has_streamlit_s_frame_and_the_script():
    for path in ("/", "/caseload", "/patient?patient=1"):
        answer = client.get(path)
        assert '<script src="/watch.js"></script></head>' in answer.text
        assert answer.text.replace('<script src="/watch.js"></script>', "") == streamlit_protocol.frame()


def test_the_script_is_one_of_our_own_and_asks_what_is_no_action():
    answer = client.get("/watch.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "/_stcore/host-config" in answer.text
    assert "const idle = 900000;" in answer.text
    assert "script-src 'self'" in streamlit_protocol.policy()
