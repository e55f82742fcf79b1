"""Streamlit's own page with one script more.

It empties the window of one who is signed out, also without a line, and says where the browser dropped a click.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from clinic.accounts.sessions import IDLE
from web import streamlit_protocol
from web.paths import SIGN_IN

SCRIPT_PATH = "/watch.js"
ASKED_EVERY_S = 30
MISSED = "The page changed while you clicked, so nothing was done. Please look again, then repeat."
MISSED_STYLE = (
    "position:fixed;top:1rem;left:50%;transform:translateX(-50%);z-index:9999999;max-width:90vw;padding:0.8rem 1.2rem;"
    "border-radius:0.5rem;background:#7a4b00;color:#ffffff;font:1rem/1.4 sans-serif"
)
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
let pressed = null;
let said = null;
function press(event) {{
  pressed = event.target instanceof Element ? event.target.closest("button") : null;
  said?.remove();
}}
function release() {{
  if (pressed !== null && !pressed.isConnected) {{
    said = document.createElement("div");
    said.setAttribute("role", "alert");
    said.textContent = "{MISSED}";
    said.style.cssText = "{MISSED_STYLE}";
    document.body.append(said);
  }}
  pressed = null;
}}
addEventListener("pointerdown", press, true);
addEventListener("pointerup", release, true);
addEventListener("pageshow", look);
document.addEventListener("visibilitychange", look);
"""
"""Asks whether the sign-in is valid, which is no user action; a window without an answer for the idle time leaves.

A button that is drawn again between the press and the release of the pointer gets no click from the browser: the
page says so until the next press.
"""


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
