"""What the gate needs of Streamlit: which messages a user caused, how to send a page away, what it may load."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import streamlit
from google.protobuf.message import DecodeError, Message
from streamlit.errors import FragmentStorageKeyError
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime import Runtime
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.fragment import MemoryFragmentStorage
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.common import user_key_from_element_id
from streamlit.runtime.state.session_state import Serialized, SessionState, WStates
from streamlit.web.server.starlette import starlette_routes

from web.window import TOO_LARGE, UNSUPPORTED

ROUTES = frozenset({"/_stcore/health", "/_stcore/host-config", "/_stcore/metrics", "/_stcore/stream"})
NOT_SERVED = frozenset({"/_stcore/script-health-check"})
FOLDERS = ("/static/", "/_stcore/bidi-components/")
FILES = frozenset({"/favicon.png", "/manifest.json"})
"""Streamlit's own addresses that are used here. To any other path it would answer with its page."""
MOST_BYTES, MOST_STATES = 256 << 10, 2000
"""Of a page's message, and states of widgets in it. Files come by requests, and all that is typed has its limit."""
MOST_ID = 200
"""Characters of an id in a message. Streamlit's own have some forty, and the name of a page is ours."""
SENT_BY_PAGES = frozenset(
    {
        "app_heartbeat",
        "backend_operation_request",
        "clear_cache",
        "file_urls_request",
        "load_git_info",
        "rerun_script",
        "set_run_on_save",
        "stop_script",
    }
)
"""Kinds of messages. Streamlit has two others, for its own tests."""
COMPONENT, ROWS = "component:", "rows:"
"""What names of clicks in components begin with, and keys of tables of which a row may be clicked."""


def broken_contract() -> list[str]:
    """Return in words which of Streamlit's internals differ from what this program relies on; empty if none.

    None of it is documented. Where it changed, a timer could count as a person, or a window keep a patient's page.
    """
    wrong = []
    if "is_auto_rerun" not in _fields(BackMsg, "rerun_script") or "type" not in BackMsg.DESCRIPTOR.oneofs_by_name:
        wrong.append("a person's click can't be distinguished from a timer (BackMsg.rerun_script.is_auto_rerun)")
    if "url" not in _fields(ForwardMsg, "auth_redirect"):
        wrong.append("a window can't be sent to the sign-in (ForwardMsg.auth_redirect.url)")
    if frame().count("</head>") != 1 or not _inline_scripts():
        wrong.append("the page's frame has another form (static/index.html)")
    if "_session_mgr" not in Runtime.__init__.__code__.co_names or not hasattr(MemorySessionStorage, "list"):
        wrong.append("what an ended window held can't be given back (Runtime._session_mgr)")
    if not _clicks_can_be_followed():
        wrong.append("a click that no run of the page has met can't be found (SessionState, AppSession, fragments)")
    routes = {f"/{value}" for name, value in vars(starlette_routes).items() if name.startswith("ROUTE_")}
    if not routes - NOT_SERVED <= ROUTES:
        wrong.append(f"there are other addresses ({', '.join(sorted(routes - NOT_SERVED - ROUTES))})")
    return wrong


def _fields(message: type[Message], name: str) -> set[str]:
    """Return the names of the fields of a message's field; empty where there is no such field."""
    field = message.DESCRIPTOR.fields_by_name.get(name)
    inner = field.message_type if field is not None else None
    return set(inner.fields_by_name) if inner is not None else set()


def is_known_path(path: str) -> bool:
    """Return whether one of Streamlit's addresses that are in use here answers to a path."""
    return path in ROUTES or path in FILES or path.startswith(FOLDERS)


def refusal(message: bytes) -> int | None:
    """Return the code with which a websocket ends at a message that no page sends, None for one that a page may send.

    Streamlit would write a line into its log for each of them, some with the text that it came with.
    """
    if len(message) > MOST_BYTES:
        return TOO_LARGE
    parsed = BackMsg()
    try:
        parsed.ParseFromString(message)
    except DecodeError:
        return UNSUPPORTED
    if len(parsed.rerun_script.widget_states.widgets) > MOST_STATES or any(len(one) > MOST_ID for one in _ids(parsed)):
        return TOO_LARGE
    return None if parsed.WhichOneof("type") in SENT_BY_PAGES else UNSUPPORTED


def _ids(message: BackMsg) -> list[str]:
    """Return the ids that a page has from the server, and that Streamlit may write into its log."""
    run, files, other = message.rerun_script, message.file_urls_request, message.backend_operation_request
    return [
        run.fragment_id,
        run.page_script_hash,
        run.page_name,
        *run.cached_message_hashes,
        files.request_id,
        files.session_id,
        other.request_id,
        other.session_id,
    ]


def is_user_action(message: bytes) -> bool:
    """Return whether a message of the page's websocket comes from a person, and not from a timer of the page."""
    parsed = BackMsg()
    try:
        parsed.ParseFromString(message)
    except DecodeError:
        return False
    return parsed.WhichOneof("type") == "rerun_script" and not parsed.rerun_script.is_auto_rerun


def clicked() -> dict[str, bool]:
    """Return what was clicked for the run that this is, and whether it was drawn since.

    A button goes by its key, as does a table that the last run no longer drew (its key begins with `ROWS`), and a part
    with a script of its own, such as a player, by its id behind `COMPONENT`.

    What no run before has drawn, or what the last one took away, has no callback: its value lies here untouched.
    """
    run = get_script_run_ctx()
    if run is None:
        return {}
    states: WStates = run.session_state._state._new_widget_state
    found = {}
    for widget_id, state in list(states.states.items()):
        # Every button of the program has a key; without one it is Streamlit's own, as that which closes a window.
        key = user_key_from_element_id(widget_id)
        if isinstance(state, Serialized):
            if state.value.json_trigger_value:
                found[COMPONENT + widget_id] = False
            elif key is not None and (state.value.trigger_value or (key.startswith(ROWS) and _has_row(state.value))):
                found[key] = False
        elif key is not None and state.value is True and _value_type(states, widget_id) == "trigger_value":
            found[key] = True
    return found


def _has_row(state: WidgetState) -> bool:
    """Return whether the state of a table says that a row is chosen."""
    try:
        return bool(json.loads(state.string_value)["selection"]["rows"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def runs_part() -> bool:
    """Return whether a part of the page runs alone, and not the page."""
    return bool(parts_of_run())


def parts_of_run() -> list[str]:
    """Return the parts of the page that run one after the other in place of the page: another list for each run."""
    run = get_script_run_ctx()
    return (run.fragment_ids_this_run or []) if run is not None else []


def page_address() -> str:
    """Return which page runs, with what its address asks for."""
    run = get_script_run_ctx()
    asked = sorted(streamlit.query_params.to_dict().items())
    return f"{run.page_script_hash if run is not None else ''}:{asked}"


def is_trigger(state: WidgetState) -> bool:
    """Return whether a widget's state, as the browser sends it, is a click on a button or in a component."""
    return bool(state.trigger_value or state.json_trigger_value)


def keep_clicks() -> None:
    """Let a click in a window or part of a page that is no longer there run the page, which says so.

    Streamlit drops it without a run: at once where the part is gone, or when its turn comes where it went meanwhile.
    """
    request, lookup = AppSession.request_rerun, MemoryFragmentStorage.lookup

    def request_rerun(session: AppSession, client_state: ClientState | None) -> None:
        request(session, _met_by_a_run(session, client_state))

    def look_up(fragments: MemoryFragmentStorage, key: str) -> Callable[[], object]:
        try:
            found: Callable[[], object] = lookup(fragments, key)
        except FragmentStorageKeyError:
            if not clicked():
                raise
            return streamlit.rerun
        return found

    AppSession.request_rerun = request_rerun  # type: ignore[assignment,method-assign]
    MemoryFragmentStorage.lookup = look_up  # type: ignore[assignment,method-assign]


def _met_by_a_run(session: AppSession, client_state: ClientState | None) -> ClientState | None:
    """Return a request for the whole page in place of a click in a part that the session no longer has."""
    if client_state is None or not client_state.fragment_id or session.has_fragment(client_state.fragment_id):
        return client_state
    if not any(map(is_trigger, client_state.widget_states.widgets)):
        return client_state
    whole = ClientState()
    whole.CopyFrom(client_state)
    whole.fragment_id = ""
    return whole


def _clicks_can_be_followed() -> bool:
    fields = {"trigger_value", "json_trigger_value"} <= set(WidgetState.DESCRIPTOR.fields_by_name)
    # Fields, not the text of the source, which would be parsed at each start of a server.
    kept, new = set(SessionState.__dataclass_fields__), set(WStates.__dataclass_fields__)
    state = "_new_widget_state" in kept and {"states", "widget_metadata"} <= new
    session = hasattr(AppSession, "has_fragment") and "fragment_id" in ClientState.DESCRIPTOR.fields_by_name
    return fields and state and session


def _value_type(states: WStates, widget_id: str) -> str | None:
    metadata = states.widget_metadata.get(widget_id)
    return metadata.value_type if metadata is not None else None


def leave_for(path: str) -> bytes:
    """Return the message that makes a page leave for another address at once, so that nothing stays on the screen."""
    message = ForwardMsg()
    message.auth_redirect.url = path
    serialized: bytes = message.SerializeToString()
    return serialized


def policy() -> str:
    """Return the tightest Content-Security-Policy under which the interface works: nothing from any other host.

    Streamlit and Plotly write styles into the page, so these can't be allowed by their hashes.
    """
    scripts = " ".join(f"'sha256-{digest}'" for digest in _inline_scripts())
    return "; ".join(
        (
            "default-src 'none'",
            # Streamlit makes a component's script, which comes over the page's own line, into a blob and loads that.
            f"script-src 'self' blob: {scripts}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "media-src 'self'",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def frame() -> str:
    """Return Streamlit's own page, in which everything else is drawn."""
    return (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")


def _inline_scripts() -> list[str]:
    """Return the SHA-256 of each script that stands in Streamlit's own page, in base64."""
    bodies = re.findall(r"<script>(.*?)</script>", frame(), flags=re.DOTALL)
    return [base64.b64encode(hashlib.sha256(body.encode()).digest()).decode("ascii") for body in bodies]
