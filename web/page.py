"""The parts of the pages outside Streamlit: one look, one form, and no script at all."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from clinic.accounts.throttle import TooManyError
from fer_core.errors import FerError

FORM_BYTES = 16 * 1024
"""The largest form that is read."""

STYLE = """
:root { color-scheme: light dark; --ink: #1e2a32; --paper: #f2f6f7; --card: #fff; --line: #d5dee2; --key: #1f6f78;
  --on-key: #fff; --panel: #e6f0f1 }
@media (prefers-color-scheme: dark) { :root { --ink: #e4eaed; --paper: #12181c; --card: #1c262c; --line: #33424a;
  --key: #4fa3ac; --on-key: #0c1214; --panel: #223039 } }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif }
main { box-sizing: border-box; width: min(26rem, calc(100vw - 2rem)); margin: 1rem; padding: 2rem;
  background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem }
main.wide { width: min(44rem, calc(100vw - 2rem)) }
h1 { margin: 0 0 0.25rem; font-size: 1.45rem; font-weight: 650 }
label { display: block; margin-top: 1rem; font-size: 0.9rem }
input { box-sizing: border-box; width: 100%; margin-top: 0.25rem; padding: 0.6rem 0.75rem; font: inherit;
  color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 0.5rem }
input:focus-visible, button:focus-visible, a:focus-visible { outline: 2px solid var(--key); outline-offset: 1px }
button { width: 100%; margin-top: 1.5rem; padding: 0.65rem; font: inherit; font-weight: 600; color: var(--on-key);
  background: var(--key); border: 0; border-radius: 0.5rem; cursor: pointer }
p { margin: 0.75rem 0 0 }
.said { padding: 0.75rem; background: var(--panel); border-radius: 0.5rem }
.small { font-size: 0.85rem; opacity: 0.8 }
h2 { margin: 1.75rem 0 0; font-size: 1.1rem; font-weight: 600 }
.code { font-family: ui-monospace, monospace; overflow-wrap: anywhere }
.qr { margin: 1rem 0 0; width: 100%; text-align: center }
.qr svg { width: 13rem; height: 13rem; border-radius: 0.5rem }
ol { margin: 0.75rem 0 0; padding-left: 2.25rem }
ul { margin: 0.75rem 0 0; padding-left: 1.2rem }
li { margin-top: 0.5rem }
.tick { display: flex; gap: 0.6rem; align-items: baseline }
.tick input { width: auto; margin: 0 }
details { margin-top: 0.75rem }
summary { cursor: pointer }
main.asked { font-size: 1.35rem; line-height: 1.4 }
main.asked h1 { margin: 1rem 0 1.5rem; font-size: 2rem; line-height: 1.25 }
main.asked button { margin-top: 0.75rem; padding: 1.1rem; font-size: 1.5rem }
main.asked button.chosen { outline: 4px solid var(--ink); outline-offset: 2px }
main.asked button.quiet { color: var(--ink); background: none; border: 1px solid var(--line); font-size: 1.15rem }
main.asked .row { display: flex; gap: 0.75rem }
main.asked form button { animation: settle 0.7s }
@keyframes settle { from, to { pointer-events: none; opacity: 0.6 } }
main.asked input { font-size: 1.5rem }
form + form button { margin-top: 0.75rem }
a.button { box-sizing: border-box; display: block; margin-top: 0.75rem; padding: 0.6rem; text-align: center;
  font-weight: 600; color: var(--ink); border: 1px solid var(--line); border-radius: 0.5rem; text-decoration: none }
a { color: var(--key) }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode("ascii")
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

Field = tuple[str, str, str, str]
"""A field's name, what is written above it, its type, and what the browser may fill in."""


def refuse(refusal: FerError, response: Response) -> Response:
    """Return a page that shows a refusal, with the status and headers of its kind."""
    response.status_code = 403
    if isinstance(refusal, TooManyError):
        response.status_code = 429
        response.headers["Retry-After"] = str(refusal.retry_after_s)
    return response


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a posted form; one that is larger than `FORM_BYTES` is taken for an empty one."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES:
            return {}
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


def page(
    title: str, body: str, status: int = 200, head: str = "", wide: bool = False, asked: bool = False
) -> HTMLResponse:
    """Return a page; `body` and `head` are HTML in which everything that came from outside is escaped.

    `asked`: large type, for a patient who answers questions.
    """
    main = '<main class="wide asked">' if asked else '<main class="wide">' if wide else "<main>"
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} - Expression History</title><style>{STYLE}</style>{head}</head>"
        f"<body>{main}{body}</main></body></html>"
    )
    return HTMLResponse(html, status, {"Content-Security-Policy": POLICY})


def notice(said: str) -> str:
    """Return a sentence that screen readers announce, or nothing."""
    return f'<p class="said" role="alert">{escape(said)}</p>' if said else ""


def form_html(
    title: str, action: str, fields: tuple[Field, ...], button: str, said: str, filled: dict[str, str], lead: str = ""
) -> str:
    """Return a heading, a sentence, what was said of the last attempt, and the form with one button."""
    intro = f"<p>{escape(lead)}</p>" if lead else ""
    return f"<h1>{title}</h1>{intro}{notice(said)}" + bare_form(action, fields, button, filled)


def bare_form(
    action: str, fields: tuple[Field, ...], button: str, filled: dict[str, str] | None = None, operation: str = ""
) -> str:
    """Return a form alone; `operation` distinguishes several forms of one page."""
    filled = filled or {}
    inputs = "".join(
        f'<label>{label}<input name="{name}" type="{kind}" autocomplete="{fill}" required'
        f' value="{escape(filled.get(name, ""))}"{" autofocus" if number == 0 and not operation else ""}></label>'
        for number, (name, label, kind, fill) in enumerate(fields)
    )
    named = f' name="action" value="{operation}"' if operation else ""
    return f'<form method="post" action="{action}">{inputs}<button type="submit"{named}>{button}</button></form>'
