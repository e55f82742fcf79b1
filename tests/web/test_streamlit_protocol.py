"""What the gate knows of Streamlit is what Streamlit does."""

from types import SimpleNamespace

import pytest
from streamlit import config, net_util
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.session_state import SessionState, WStates
from streamlit.web import bootstrap

from web import startup_check, streamlit_protocol
from web.window import TOO_LARGE, UNSUPPORTED


def message(auto=False, **other):
    made = BackMsg(**other)
    if not other:
        made.rerun_script.query_string = "patient=1"
        made.rerun_script.is_auto_rerun = auto
    return made.SerializeToString()


def test_a_click_is_an_action_and_a_timer_is_none():
    assert streamlit_protocol.is_user_action(message())
    assert not streamlit_protocol.is_user_action(message(auto=True))
    assert not streamlit_protocol.is_user_action(message(app_heartbeat=True))
    assert not streamlit_protocol.is_user_action(b"\xff\xff no message at all")
    assert not streamlit_protocol.is_user_action(b"")


def test_what_no_page_sends_is_refused():
    assert streamlit_protocol.refusal(message()) is None
    assert streamlit_protocol.refusal(bytes(streamlit_protocol.MOST_BYTES + 1)) == TOO_LARGE
    made = BackMsg()
    for _ in range(streamlit_protocol.MOST_STATES):
        made.rerun_script.widget_states.widgets.add()
    assert streamlit_protocol.refusal(made.SerializeToString()) is None
    made.rerun_script.widget_states.widgets.add()
    assert streamlit_protocol.refusal(made.SerializeToString()) == TOO_LARGE


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("rerun_script", "fragment_id"),
        ("rerun_script", "page_script_hash"),
        ("rerun_script", "page_name"),
        ("file_urls_request", "request_id"),
        ("file_urls_request", "session_id"),
        ("backend_operation_request", "request_id"),
        ("backend_operation_request", "session_id"),
    ],
)
def test_an_id_without_end_is_refused(part, name):
    made = BackMsg()
    setattr(getattr(made, part), name, "a" * streamlit_protocol.MOST_ID)
    assert streamlit_protocol.refusal(made.SerializeToString()) is None
    setattr(getattr(made, part), name, "a" * (streamlit_protocol.MOST_ID + 1))
    assert streamlit_protocol.refusal(made.SerializeToString()) == TOO_LARGE


def test_every_kind_of_message_is_known():
    """A new release of Streamlit may have new ones: then somebody decides whether pages send them."""
    kinds = BackMsg.DESCRIPTOR.oneofs_by_name["type"].fields
    for_tests = {one.name for one in kinds if one.name.startswith("debug_")}
    assert {one.name for one in kinds} == streamlit_protocol.SENT_BY_PAGES | for_tests
    for name in for_tests:
        assert streamlit_protocol.refusal(BackMsg(**{name: True}).SerializeToString()) == UNSUPPORTED


def test_the_last_message_names_the_page_to_sign_in():
    parsed = ForwardMsg()
    parsed.ParseFromString(streamlit_protocol.leave_for("/sign-in"))
    assert parsed.auth_redirect.url == "/sign-in"


def test_the_policy_allows_no_other_host_and_no_script_of_a_page():
    rules = dict(rule.split(" ", 1) for rule in streamlit_protocol.policy().split("; "))
    assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert "sha256-" in rules["script-src"]
    for word in ("http:", "https:", "*", "unsafe-eval"):
        assert word not in streamlit_protocol.policy()
    assert "unsafe-inline" not in rules["script-src"]


def test_streamlit_is_as_this_program_relies_on():
    assert streamlit_protocol.broken_contract() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frame", lambda: "<html></html>"),
        ("BackMsg", ForwardMsg),
        ("ForwardMsg", BackMsg),
        ("starlette_routes", SimpleNamespace(ROUTE_NEW="_stcore/new")),
        ("Runtime", WStates),
        ("SessionState", WStates),
        ("WStates", SessionState),
    ],
)
def test_the_server_does_not_start_where_streamlit_changed(monkeypatch, capsys, name, value):
    monkeypatch.setattr(streamlit_protocol, name, value)
    with pytest.raises(SystemExit) as end:
        startup_check.refuse_unsafe()
    assert end.value.code == startup_check.EX_CONFIG
    assert "is not the release that was tested" in capsys.readouterr().err


def test_a_server_for_all_addresses_asks_no_other_host_for_its_own(monkeypatch, capsys):
    """As in a container: to print its address, Streamlit would ask a server on the Internet at each start."""
    asked = []
    monkeypatch.setattr(net_util, "_make_blocking_http_get", lambda url, **_: asked.append(url))
    before = config.get_option("server.address")
    config.set_option("server.address", "0.0.0.0")
    try:
        bootstrap._print_url(False)
    finally:
        config.set_option("server.address", before)
    assert "http://127.0.0.1:" in capsys.readouterr().out
    assert asked == []


@pytest.mark.parametrize(
    ("state", "chosen"), [('{"selection": {"rows": [1]}}', True), ("[" * 200_000, False), ("9" * 5000, False)]
)
def test_a_table_s_state_is_read_whatever_is_in_it(state, chosen):
    assert streamlit_protocol._has_row(WidgetState(string_value=state)) is chosen
