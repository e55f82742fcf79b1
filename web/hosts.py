"""The host names that the program answers to: a page of another name that points here gets nothing."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from clinic.admin.server_checks import is_loopback

LOCAL = ("localhost", "127.0.0.1", "::1")


def names(allowed: Sequence[str], address: str | None, behind_proxy: bool) -> tuple[str, ...]:
    """Return the names that are answered to; empty: any.

    `allowed`: Streamlit's `server.allowedHosts`. Where it is empty, a server that listens on this computer alone
    (`address`) answers to this computer's names; of any other the name is not known.
    """
    if allowed:
        # Health checks come from inside.
        return (*(name.strip().lower().rstrip(".") for name in allowed), *LOCAL)
    return LOCAL if is_loopback(address) and not behind_proxy else ()


def answers_to(host: str | None, allowed: Sequence[str]) -> bool:
    """Return whether a Host header names one of these; a name ``*.clinic.example`` stands for all below it."""
    if not allowed or "*" in allowed:
        return True
    try:
        name = (urlsplit(f"//{host or ''}").hostname or "").rstrip(".")
    except ValueError:
        return False
    return any(name == one or (one.startswith("*.") and name.endswith(one[1:])) for one in allowed)
