"""What the gate needs of Streamlit: which messages a user caused, how to send a page away, what it may load."""

from __future__ import annotations

import base64
import hashlib
import inspect
import re
from pathlib import Path

import streamlit
from google.protobuf.message import DecodeError, Message
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.web.server.starlette import starlette_routes

ROUTES = frozenset({"/_stcore/health", "/_stcore/host-config", "/_stcore/metrics", "/_stcore/stream"})
NOT_SERVED = frozenset({"/_stcore/script-health-check"})
FOLDERS = ("/static/", "/_stcore/bidi-components/")
FILES = frozenset({"/favicon.png", "/manifest.json"})
"""Streamlit's own addresses that are used here. To any other path it would answer with its page."""


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
    if "_session_mgr" not in inspect.getsource(Runtime.__init__) or not hasattr(MemorySessionStorage, "list"):
        wrong.append("what an ended window held can't be given back (Runtime._session_mgr)")
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


def is_user_action(message: bytes) -> bool:
    """Return whether a message of the page's websocket comes from a person, and not from a timer of the page."""
    parsed = BackMsg()
    try:
        parsed.ParseFromString(message)
    except DecodeError:
        return False
    return parsed.WhichOneof("type") == "rerun_script" and not parsed.rerun_script.is_auto_rerun


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
