"""The parts of the pages outside Streamlit: one look, one form, and no script at all."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from clinic.accounts.throttle import TooManyError
from fer_core.errors import FerError
from web import gate

FORM_BYTES = 16 * 1024
"""The largest form that is read."""

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
TEMPLATES.globals.update(style=Markup(_STYLE), paths=gate)  # noqa: S704


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


def page(template: str, status: int = 200, **shown: object) -> HTMLResponse:
    """Return the page of a template of `web/templates`, without ``.html``, with what it shows."""
    html = TEMPLATES.get_template(f"{template}.html").render(shown)
    return HTMLResponse(html, status, {"Content-Security-Policy": POLICY})
