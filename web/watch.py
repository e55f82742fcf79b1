"""Streamlit's own page with one more script: it empties the window of a signed-out user, also without a connection."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from clinic.accounts.sessions import IDLE
from web import streamlit_protocol
from web.gate import SIGN_IN

SCRIPT_PATH = "/watch.js"
ASKED_EVERY_S = 30
SCRIPT = f"""
"use strict";
const idle = {IDLE.total_seconds() * 1000:.0f};
let answered = Date.now();
function leave() {{
  document.documentElement.hidden = true;
  location.replace("{SIGN_IN}");
}}
async function look() {{
  try {{
    const answer = await fetch("/_stcore/host-config", {{ cache: "no-store" }});
    if (answer.status === 401) leave();
    answered = Date.now();
  }} catch {{
    if (Date.now() - answered > idle) leave();
  }}
}}
setInterval(look, {ASKED_EVERY_S * 1000});
addEventListener("pageshow", look);
document.addEventListener("visibilitychange", look);
"""
"""Asks whether the sign-in is valid, which is no user action; a window without an answer for the idle time leaves."""


async def show_frame(request: Request) -> Response:  # noqa: ARG001 the same for every page
    """Answer with Streamlit's page and the script in it."""
    return HTMLResponse(_frame())


async def show_script(request: Request) -> Response:  # noqa: ARG001 the same for everyone
    """Answer with the script."""
    return Response(SCRIPT, media_type="text/javascript")


def routes(pages: Iterable[str]) -> list[Route]:
    """Return the routes of the pages with these paths, such as ``caseload``, and of the script."""
    return [
        Route("/", show_frame),
        *(Route(f"/{path}", show_frame) for path in pages),
        Route(SCRIPT_PATH, show_script),
    ]


@cache
def _frame() -> str:
    return streamlit_protocol.frame().replace("</head>", f'<script src="{SCRIPT_PATH}"></script></head>', 1)
