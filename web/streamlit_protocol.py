"""What the gate has to know of Streamlit: which messages a person caused, how a page is sent away, what it may load."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import streamlit
from google.protobuf.message import DecodeError
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

ROUTES = frozenset({"/_stcore/health", "/_stcore/host-config", "/_stcore/metrics", "/_stcore/stream"})
FOLDERS = ("/static/", "/_stcore/bidi-components/")
FILES = frozenset({"/favicon.png", "/manifest.json"})
"""What of Streamlit's own addresses is in use here. To any other path it would answer with its page."""


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

    Styles are written into the page by Streamlit and Plotly, so that they can't be told by their hashes.
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
