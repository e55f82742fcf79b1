"""The parts of the pages outside Streamlit: one look, one form, and no script at all."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response

from clinic.accounts.throttle import TooManyError
from fer_core.errors import FerError
from web import paths

FORM_BYTES = 16 * 1024
"""The largest form that is read."""
FORM_WITHIN_S, MOST_FORMS = 10.0, 200
"""A form comes in within this time. Of more forms at once, which anybody may send, the first has taken the longest."""
_COMING: deque[asyncio.Timeout] = deque()

_FOLDER = Path(__file__).with_name("templates")
TEMPLATES = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
"""The pages' HTML. What a template is given is escaped; what it asks for and isn't given is an error."""
_STYLE = (_FOLDER / "style.css").read_text("utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# The style is the program's own, and its hash must be that of what stands in the page.
TEMPLATES.globals.update(style=Markup(_STYLE), paths=paths)  # noqa: S704


def refuse(refusal: FerError, response: Response) -> Response:
    """Return a page that shows a refusal, with the status and headers of its kind."""
    response.status_code = 403
    if isinstance(refusal, TooManyError):
        response.status_code = 429
        response.headers["Retry-After"] = str(refusal.retry_after_s)
    return response


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a posted form.

    One that is larger than `FORM_BYTES`, that doesn't come in time, or whose sender leaves is taken for an empty one.
    """
    try:
        async with asyncio.timeout(FORM_WITHIN_S) as limit, _reading(limit):
            body = await _body(request)
    except (TimeoutError, ClientDisconnect):
        return {}
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES:
            return b""
    return body


@asynccontextmanager
async def _reading(limit: asyncio.Timeout) -> AsyncIterator[None]:
    """Count a form that comes in; where too many do, the time of the one that began first is over."""
    _COMING.append(limit)
    if len(_COMING) > MOST_FORMS:
        _COMING.popleft().reschedule(0)
    try:
        yield
    finally:
        if limit in _COMING:
            _COMING.remove(limit)


def page(template: str, status: int = 200, **shown: object) -> HTMLResponse:
    """Return the page of a template of `web/templates`, without ``.html``, with what it shows."""
    html = TEMPLATES.get_template(f"{template}.html").render(shown)
    return HTMLResponse(html, status, {"Content-Security-Policy": POLICY})
