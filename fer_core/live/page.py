"""A page of this computer alone that shows its camera live: ``fer live``. It knows no patient and keeps nothing.

Its address holds an unguessable word, and it answers to this computer's own name alone: neither another account of the
computer nor a site that is open in the same browser reaches the camera's results.
"""

from __future__ import annotations

import json
import secrets
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fer_core.emotions import Emotion
from fer_core.errors import FerError
from fer_core.live import assets
from fer_core.live.view import LiveView
from fer_core.media.camera import CAMERA_BYTES
from fer_core.reading.plot import COLORS

LOOPBACK = "127.0.0.1"
NUMBER_BYTES = 4
"""Before each picture stands its number, little-endian."""
UNCERTAIN = "#B9C4C9"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Live view</title>
<link rel="stylesheet" href="live.css"></head><body><h1>Live view</h1><p>{notice} Nothing is kept.</p>{view}
<script type="module" src="start.js"></script></body></html>
"""
START = """import mount from "./live.js";
mount({{ data: {data}, parentElement: document, setTriggerValue() {{}} }});
"""


class LocalPage(ThreadingHTTPServer):
    """The server of the page; `address` is what to open in a browser. To be closed."""

    daemon_threads = True

    def __init__(self, view: LiveView, port: int = 0) -> None:
        super().__init__((LOOPBACK, port), _Answers)
        self.view, self.looking = view, threading.Lock()
        self.path = f"/{secrets.token_urlsafe(24)}/"
        self.hosts = {f"{name}:{self.server_port}" for name in (LOOPBACK, "localhost")}
        self.address = f"http://{LOOPBACK}:{self.server_port}{self.path}"
        data = assets.looks({emotion: _called(emotion) for emotion in Emotion}, COLORS)
        start = START.format(data=json.dumps(data | {"uncertain": UNCERTAIN, "statuses": {}, "posts": "pictures"}))
        page = PAGE.format(notice=assets.NOTICE, view=assets.text("live.html"))
        self.files = {
            "": ("text/html; charset=utf-8", page),
            "start.js": ("text/javascript", start),
            "live.js": ("text/javascript", assets.text("live.js")),
            "live.css": ("text/css", assets.text("live.css")),
        }

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing where the page was closed while a picture was looked at: that is no error of anybody."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def _called(emotion: Emotion) -> str:
    """Return a label as it is shown: a likeness, but for a face without an expression."""
    return emotion.label if emotion is Emotion.NEUTRAL else f"{emotion.label}-like"


class _Answers(BaseHTTPRequestHandler):
    server: LocalPage
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with one of the page's files."""
        name = self.path.removeprefix(self.server.path)
        if not self._is_known() or name not in self.server.files:
            self._answer(404, "text/plain", b"There is nothing here.")
            return
        media_type, text = self.server.files[name]
        self._answer(200, media_type, text.encode())

    def do_POST(self) -> None:
        """Look at a picture, or take the choice of a face."""
        length = self.headers.get("Content-Length", "")
        sized = length.isdecimal() and len(length) < 9 and int(length) <= CAMERA_BYTES + NUMBER_BYTES
        own = self.headers.get("Origin") in {f"http://{host}" for host in self.server.hosts}
        if not (self._is_known() and own and sized and self.path == f"{self.server.path}pictures"):
            # What it sends is not read, so that the line can't go on.
            self.close_connection = True
            self._answer(404, "text/plain", b"There is nothing here.")
            return
        body = self.rfile.read(int(length))
        try:
            answer = self._choose(body) if self.headers.get("Content-Type") == "application/json" else self._look(body)
        except FerError as error:
            answer = {"ended": error.code, "says": error.message}
        except (ValueError, TypeError, KeyError, RecursionError):
            answer = {"ended": "no_live_view", "says": "This is not a request of a live view."}
        self._answer(200, "application/json", json.dumps(answer).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: requests are pictures."""

    def _look(self, body: bytes) -> dict[str, object]:
        begun = time.perf_counter()
        with self.server.looking:
            answer = self.server.view.look(body[NUMBER_BYTES:], time.monotonic())
        took_ms = round((time.perf_counter() - begun) * 1000, 1)
        return answer | {"number": int.from_bytes(body[:NUMBER_BYTES], "little"), "took_ms": took_ms}

    def _choose(self, body: bytes) -> dict[str, object]:
        chosen = json.loads(body)["choose"]
        if chosen is not None and type(chosen) is not int:
            raise ValueError("no number of a face")
        self.server.view.choose(chosen)
        return {}

    def _is_known(self) -> bool:
        """Return whether the request names this computer and the unguessable word."""
        known = secrets.compare_digest(self.path[: len(self.server.path)].encode(), self.server.path.encode())
        return known and self.headers.get("Host") in self.server.hosts

    def _answer(self, status: int, media_type: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)
