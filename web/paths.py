"""Every path that the gate knows by name, and which role each one is refused to."""

from __future__ import annotations

from clinic.access import Role

SIGN_IN, FIRST_RUN, CHANGE_PASSWORD = "/sign-in", "/first-run", "/change-password"
SECOND_STEP, YOUR_ACCOUNT = "/second-step", "/your-account"
TOKENS = "/your-tokens"
INTENDED_USE = "/intended-use"
HAND_OVER, PATIENT_MODE = "/hand-over", "/questionnaire"
PROVIDER, PROVIDER_BACK = "/provider", "/provider/back"
SIGN_IN_PAGES = frozenset({SIGN_IN, FIRST_RUN, SECOND_STEP, PROVIDER, PROVIDER_BACK, PATIENT_MODE})
"""Paths open to everyone, in addition to `HEALTH`; the last one asks for its own token (web/patient_mode.py)."""
BESIDE = {YOUR_ACCOUNT: CHANGE_PASSWORD}
"""What else opens while a page requires something to be done first."""
HEALTH = "/_stcore/health"
API = "/api/v1"
"""Paths for programs with a token; a cookie is not accepted there, and a token nowhere else."""
HEALTHZ, MONITORED = "/healthz", "/metrics"
"""Paths for programs that don't sign in: these routes check the caller themselves (web/monitoring.py)."""
SHUT = ("/_stcore/upload_file/", "/media/", "/component/", "/_stcore/agent/", "/auth/", "/oauth2callback")
"""What answers nobody: Streamlit's own uploads, which would lie in clear while they come in; its media, which know no
person; its agents' interface; a sign-in that isn't ours."""
CAMERA = "/camera"
"""The line of a live view (web/live.py): what comes over it is pictures, and no act of a person."""
UPLOADS = ("/uploads/", "/downloads/", HAND_OVER, CAMERA)
METRICS = "/_stcore/metrics"
"""Paths only for users who may change things, and for administrators."""
PROGRAM_FILES = "/static/"
"""Scripts and fonts, the same for everyone and named by their content: they alone may be kept by the browser."""


def refused(path: str, role: Role) -> int | None:
    """Return the HTTP status with which this path is refused to this role, None where it passes."""
    if path.startswith(SHUT):
        return 404
    if path.startswith(UPLOADS) and role is Role.VIEWER:
        return 403
    if path.startswith(METRICS) and role is not Role.ADMINISTRATOR:
        return 403
    return None
