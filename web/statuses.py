"""Which HTTP status answers which error, of pages' routes and of the API."""

from __future__ import annotations

from clinic.access import REFUSALS

STATUS = {
    "upload_unknown": 404,
    "download_unknown": 404,
    "unknown_recording": 404,
    "no_video": 404,
    "upload_gone": 404,
    **dict.fromkeys(REFUSALS, 403),
    "no_consent": 403,
    "consent_expired": 403,
    "consent_withdrawn": 403,
    "upload_offset": 409,
    "download_stale": 409,
    "too_big": 413,
    "no_such_range": 416,
    "upload_busy": 423,
    "store_away": 503,
    "disk_full": 507,
}
"""HTTP status of error codes; others are 400, in the API 422."""
