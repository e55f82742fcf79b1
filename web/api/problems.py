"""The API's refusals: RFC 9457 problem details, with the code that the pages also show."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

from fer_core.errors import FerError
from web.statuses import STATUS

PROBLEM_TYPE = "application/problem+json"
OWN_STATUS = {
    "analysis_under_way": 409,
    "upload_unfinished": 409,
    "conflict": 409,
    "unknown_type": 415,
    "too_many_own": 429,
    "too_many_uploads": 429,
    "quota": 429,
    "own_quota": 429,
    "rate_limit": 429,
    "busy": 503,
    "slow_body": 408,
}
"""HTTP status of error codes, in addition to those of the other routes; all others are 422."""


class Problem(JSONResponse):
    """A refusal: `code` is stable, `detail` is a sentence for a person and never holds a patient's data."""

    media_type = PROBLEM_TYPE

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        content = {"title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": detail}
        super().__init__(content, status, headers)


def refusal(error: FerError) -> Problem:
    """Return the response to a refusal of the program."""
    return Problem(OWN_STATUS.get(error.code) or STATUS.get(error.code, 422), error.code, error.message)


def no_token() -> Problem:
    """Return the response to a request without a valid token."""
    return Problem(
        401, "no_token", "Please send a valid token: Authorization: Bearer fer_...", {"WWW-Authenticate": "Bearer"}
    )


DESCRIBED: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, description in (
        ("4XX", "A refusal; `code` gives the reason."),
        (503, "Busy, or the media store can't be reached; `Retry-After` says when to try again."),
        (507, "The disk is full."),
    )
}
"""The refusals of every operation, for the description of the API."""
SCHEMA = {
    "type": "object",
    "required": ["title", "status", "code", "detail"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
}
