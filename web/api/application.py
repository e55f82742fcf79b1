"""The API put together: its operations, its refusals, its description for programs and for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Mount, Route

from clinic.settings import Settings
from clinic.version import VERSION
from db.engine import Database
from fer_core.errors import FerError
from web.analyzers import open_analyzer
from web.api import expressions, patients, recordings
from web.api.caller import Parts
from web.api.limits import BodyLimit, OpenLimit, TooFastError
from web.api.problems import DESCRIBED, SCHEMA, Problem, refusal
from web.page import page
from web.paths import API

if TYPE_CHECKING:
    from fer_core.analyzer import Analyzer

JSON_TYPE = "application/json"
DESCRIPTION_PAGE, DESCRIPTION_JSON = "/api-description", "/api-description.json"
ABOUT = (
    "Faces and their expressions for programs. Make a token on the page of your account: for the patients that you"
    " choose, or for no patient."
)

PARTS = (expressions, recordings, patients)


def application(
    settings: Callable[[], Settings],
    open_db: Callable[[], Database],
    analyzer: Callable[[Settings], Analyzer] = open_analyzer,
) -> FastAPI:
    """Return the API of an installation. It trusts ``scope["actor"]``, which the gate sets."""
    app = FastAPI(
        title="Expression History",
        summary=ABOUT,
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        responses=DESCRIBED,
        redirect_slashes=False,
    )
    app.state.parts = Parts(settings, open_db, analyzer)
    for part in PARTS:
        app.include_router(part.router)
    app.add_middleware(BodyLimit)
    app.add_middleware(OpenLimit)
    app.add_exception_handler(FerError, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_failure)
    describe = app.openapi

    def described() -> dict[str, Any]:
        found = describe()
        found.setdefault("components", {}).setdefault("schemas", {})["Problem"] = SCHEMA
        return found

    app.openapi = described  # type: ignore[method-assign]
    return app


def routes(settings: Callable[[], Settings], open_db: Callable[[], Database]) -> list[Mount | Route]:
    """Return the API, and its description for people who are signed in."""
    app = application(settings, open_db)

    async def description(_request: Request) -> Response:
        return page("api", about=ABOUT, description=DESCRIPTION_JSON, operations=_operations(app.openapi()))

    async def description_json(_request: Request) -> Response:
        return JSONResponse(app.openapi() | {"servers": [{"url": API}]})

    return [
        Mount(API, app),
        Route(DESCRIPTION_PAGE, description, methods=["GET"]),
        Route(DESCRIPTION_JSON, description_json, methods=["GET"]),
    ]


def _operations(described: dict[str, Any]) -> list[dict[str, str]]:
    """Return the method, the path and the description of each operation."""
    return [
        {"method": method.upper(), "path": f"{API}{path}", "said": operation["description"]}
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
    ]


def _on_refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, FerError)
    answer = refusal(error)
    if isinstance(error, TooFastError):
        answer.headers["Retry-After"] = str(error.retry_after_s)
    elif answer.status_code == 503:
        answer.headers["Retry-After"] = "1"
    return answer


def _on_invalid(request: Request, error: Exception) -> Response:
    """Say where the request is wrong, but not its value, which may be a patient's."""
    assert isinstance(error, RequestValidationError)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if any(one["loc"] == ("body",) for one in error.errors()) and kind != JSON_TYPE:
        return Problem(415, "unknown_type", f"Please send JSON, with Content-Type: {JSON_TYPE}.")
    places = sorted({".".join(str(part) for part in one["loc"] if isinstance(part, str)) for one in error.errors()})
    return Problem(422, "invalid_request", f"This does not follow the API's description: {', '.join(places)[:300]}.")


def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = error.headers if error.status_code != 405 else {"Allow": ", ".join(_methods(request))}
    code = {404: "unknown_path", 405: "wrong_method"}.get(error.status_code, "invalid_request")
    said = "The request can't be read." if code == "invalid_request" else "The API has no such operation."
    return Problem(error.status_code, code, said, headers)


def _methods(request: Request) -> list[str]:
    """Return all methods of a path: its operations are a route each, and the first alone knows its own."""
    routes = (*request.app.routes, *(route for part in PARTS for route in part.router.routes))
    found = (route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return sorted({method for route in found for method in getattr(route, "methods", None) or ()})


def _on_failure(_request: Request, _error: Exception) -> Response:
    return Problem(500, "failed", "The program failed. See its log.")
