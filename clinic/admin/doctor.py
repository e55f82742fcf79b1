"""Is this installation safe? Each check says what it found; the server doesn't start where one refuses."""

from __future__ import annotations

import ipaddress
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from backup import erasures
from clinic.admin.serving import Options
from clinic.phrases import counted
from clinic.settings import Settings
from clinic.worker.health import read_health
from db.engine import sqlite_warning
from fer_core.errors import FerError
from storage.media import open_store

LARGE_UPLOAD_MB = 200
"""Streamlit's own uploader keeps files in memory; videos have a route of their own."""


class Level(StrEnum):
    """How a check ended. `REFUSED`: the server doesn't start."""

    OK = "ok"
    WARNING = "warning"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: its name, how it ended, and a sentence on what to do."""

    name: str
    level: Level
    sentence: str


class UnsafeError(FerError):
    """The server must not start like this."""

    code = "unsafe_settings"


def examine(settings: Settings, options: Options) -> list[Finding]:
    """Return what all checks found, those of the server's options first."""
    found = [check(settings, options) for check in SERVER_CHECKS]
    return found + [check(settings) for check in INSTALLATION_CHECKS]


def require_safe(settings: Settings, options: Options) -> list[Finding]:
    """Return the warnings. Raises UnsafeError with all reasons where a check refuses."""
    found = examine(settings, options)
    refused = [finding for finding in found if finding.level is Level.REFUSED]
    if refused:
        raise UnsafeError("\n".join(f"- {finding.name}: {finding.sentence}" for finding in refused))
    return [finding for finding in found if finding.level is Level.WARNING]


def _listening(settings: Settings, options: Options) -> Finding:
    name = "address"
    if _is_loopback(options["server.address"]):
        return Finding(name, Level.OK, "The server listens on this computer alone.")
    if options["server.sslCertFile"] and options["server.sslKeyFile"]:
        return Finding(name, Level.OK, "The server listens on the network, with TLS.")
    if settings.behind_tls:
        return Finding(name, Level.OK, "The server listens for a declared proxy; TLS is that proxy's work.")
    return Finding(
        name,
        Level.REFUSED,
        "The server would listen on the network without TLS. Set server.address to 127.0.0.1, or server.sslCertFile"
        " and server.sslKeyFile, or FER_BEHIND_TLS=1 where a proxy with TLS stands before it.",
    )


def _is_loopback(address: str | None) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


def _xsrf(settings: Settings, options: Options) -> Finding:  # noqa: ARG001 same form as the others
    if options["server.enableXsrfProtection"]:
        return Finding("xsrf", Level.OK, "Requests forged by other pages are refused.")
    return Finding("xsrf", Level.REFUSED, "Protection from forged requests is off: set server.enableXsrfProtection.")


def _cors(settings: Settings, options: Options) -> Finding:  # noqa: ARG001 same form as the others
    if not options["server.enableCORS"]:
        return Finding("cors", Level.REFUSED, "Protection from other pages' requests is off: set server.enableCORS.")
    if any("*" in origin for origin in options["server.corsAllowedOrigins"]):
        return Finding("cors", Level.REFUSED, "Every page may send requests: name the origins in corsAllowedOrigins.")
    return Finding("cors", Level.OK, "Other pages' requests are refused.")


def _headers(settings: Settings, options: Options) -> Finding:
    if options["server.trustedUserHeaders"] and not settings.behind_tls:
        return Finding(
            "trusted headers",
            Level.REFUSED,
            "Headers are trusted that anyone can send: unset server.trustedUserHeaders, or declare the proxy that sets"
            " them with FER_BEHIND_TLS=1.",
        )
    return Finding("trusted headers", Level.OK, "No header says who someone is, save a declared proxy's.")


def _metrics(settings: Settings, options: Options) -> Finding:  # noqa: ARG001 same form as the others
    if options["server.unsafeMetricsUserAttributes"]:
        return Finding("metrics", Level.REFUSED, "Metrics would name users: unset server.unsafeMetricsUserAttributes.")
    return Finding("metrics", Level.OK, "Metrics name nobody.")


def _telemetry(settings: Settings, options: Options) -> Finding:  # noqa: ARG001 same form as the others
    if options["browser.gatherUsageStats"]:
        return Finding(
            "telemetry", Level.REFUSED, "Usage would be told to another host: unset browser.gatherUsageStats."
        )
    return Finding("telemetry", Level.OK, "No usage is told to another host.")


def _interfaces(settings: Settings, options: Options) -> Finding:  # noqa: ARG001 same form as the others
    for name in ("server.enableStaticServing", "server.enableAgentApi"):
        if options[name]:
            return Finding("interfaces", Level.REFUSED, f"A way in that is not used here is open: unset {name}.")
    return Finding("interfaces", Level.OK, "No way in is open that is not used.")


def _details(settings: Settings, options: Options) -> Finding:  # noqa: ARG001 same form as the others
    if options["client.showErrorDetails"] not in ("none", False):
        return Finding("errors", Level.WARNING, "Errors would show parts of the program: set client.showErrorDetails.")
    return Finding("errors", Level.OK, "Errors show nothing of the inside.")


def _uploads(settings: Settings, options: Options) -> Finding:  # noqa: ARG001 same form as the others
    if options["server.maxUploadSize"] > LARGE_UPLOAD_MB:
        return Finding("small uploads", Level.WARNING, "Pictures may fill the memory: lower server.maxUploadSize.")
    return Finding("small uploads", Level.OK, f"Pictures are taken up to {options['server.maxUploadSize']} MB.")


def _key(settings: Settings) -> Finding:
    try:
        open_store(settings)
    except FerError as error:
        return Finding("master key", Level.REFUSED, error.message)
    except Exception as error:  # noqa: BLE001 any file system may be behind the URL, with errors of its own
        return Finding("media store", Level.REFUSED, f"The media store can't be reached ({type(error).__name__}).")
    if settings.master_key is None and settings.data_dir in settings.key_dir.parents and not settings.demo:
        return Finding("master key", Level.WARNING, "The key lies in the data folder: a copy of that holds it too.")
    return Finding("master key", Level.OK, "The master key is there and closed to others.")


def _machines(settings: Settings) -> Finding:
    name, own = "several machines", str(settings.data_dir / "media")
    if settings.dask is None and settings.database_url.startswith("sqlite"):
        return Finding(name, Level.OK, "Database, files and analysis are on this computer.")
    where = "the folder media of the data folder" if settings.media_url == own else "the store of FER_MEDIA_URL"
    return Finding(
        name,
        Level.OK,
        f"Every machine that analyses has to reach {where}, and to hold the same master key (FER_KEY_DIR or"
        " FER_MASTER_KEY).",
    )


def _folder(settings: Settings) -> Finding:
    if stat.S_IMODE(settings.data_dir.stat().st_mode) & 0o077:
        return Finding("data folder", Level.WARNING, "Others on this computer may look into it: set it to mode 700.")
    return Finding("data folder", Level.OK, "The data folder is closed to others.")


def _erasures(settings: Settings) -> Finding:
    try:
        count = len(erasures.known(settings.erasures_path))
    except FerError as error:
        return Finding("erasures", Level.WARNING, f"{error.message} Nothing can be restored until it is mended.")
    return Finding("erasures", Level.OK, f"Remembered: {counted(count, 'erasure')}.")


def _space(settings: Settings) -> Finding:
    if shutil.disk_usage(settings.data_dir).free < settings.min_free_bytes:
        return Finding("disk", Level.WARNING, "There is too little free space: no file is taken.")
    return Finding("disk", Level.OK, "There is free space.")


def _sqlite(settings: Settings) -> Finding:
    warning = sqlite_warning() if settings.database_url.startswith("sqlite") else None
    if warning:
        return Finding("database", Level.WARNING, warning)
    return Finding("database", Level.OK, "The database's version has no known fault.")


def _worker(settings: Settings) -> Finding:
    health = read_health(settings)
    if health is not None and health.sound is False:
        return Finding("analysis", Level.WARNING, health.sentence or "The last self-test failed.")
    return Finding("analysis", Level.OK, "The last self-test was passed." if health else "Nothing was analysed yet.")


SERVER_CHECKS: tuple[Callable[[Settings, Options], Finding], ...] = (
    _listening,
    _xsrf,
    _cors,
    _headers,
    _metrics,
    _telemetry,
    _interfaces,
    _details,
    _uploads,
)
INSTALLATION_CHECKS: tuple[Callable[[Settings], Finding], ...] = (
    _key,
    _machines,
    _folder,
    _erasures,
    _space,
    _sqlite,
    _worker,
)
