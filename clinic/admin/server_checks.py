"""How the web server is set up: each check says whether an option is safe; one that refuses keeps it from starting."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable

from clinic.admin.findings import Finding, Level
from clinic.admin.serving import Options
from clinic.settings import Settings
from storage import at_work

ANSWERS_WITHIN_S = 2.0
LAST_PORT = 65535


def _listening(settings: Settings, options: Options) -> Finding:
    name = "address"
    if is_loopback(options["server.address"]):
        return Finding(name, Level.OK, "The server listens only on this computer.")
    if options["server.sslCertFile"] and options["server.sslKeyFile"]:
        return Finding(name, Level.OK, "The server listens on the network, with TLS.")
    if settings.behind_tls:
        return Finding(name, Level.OK, "The server listens for a declared proxy; TLS is that proxy's work.")
    return Finding(
        name,
        Level.REFUSED,
        "The server would listen on the network without TLS.",
        "Set server.address to 127.0.0.1, or server.sslCertFile and server.sslKeyFile, or FER_BEHIND_TLS=1 if a"
        " proxy with TLS stands before it.",
    )


def _port(settings: Settings, options: Options) -> Finding:
    """Return whether the pages can have their port, where they do not run."""
    name, port = "port", options["server.port"]
    if not isinstance(port, int) or not 0 < port <= LAST_PORT:
        said = f"The pages can't start: server.port is {port!r}, and a port is a number from 1 to {LAST_PORT}."
        return Finding(name, Level.BROKEN, said, "Correct STREAMLIT_SERVER_PORT, and set the same port in the proxy.")
    if at_work.pages_since(settings.data_dir) is None and _answers(options["server.address"], port):
        return Finding(
            name,
            Level.WARNING,
            f"Another program has port {port}: the pages can't start.",
            "`ss -ltnp` as root names it. End it, or set STREAMLIT_SERVER_PORT, and the same port in the proxy.",
        )
    return Finding(name, Level.OK, f"The pages have port {port}, or can have it.")


def _answers(address: str | None, port: int) -> bool:
    try:
        with socket.create_connection((address or "127.0.0.1", port), ANSWERS_WITHIN_S):
            return True
    except OSError:
        return False


def is_loopback(address: str | None) -> bool:
    """Return whether an address is this computer's own, so that no other one reaches it."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


def _xsrf(settings: Settings, options: Options) -> Finding:  # noqa: ARG001 same form as the others
    if options["server.enableXsrfProtection"]:
        return Finding("xsrf", Level.OK, "Requests forged by other pages are refused.")
    return Finding("xsrf", Level.REFUSED, "Protection from forged requests is off.", "Set server.enableXsrfProtection.")


def _cors(settings: Settings, options: Options) -> Finding:  # noqa: ARG001 same form as the others
    if not options["server.enableCORS"]:
        return Finding("cors", Level.REFUSED, "Protection from other pages' requests is off.", "Set server.enableCORS.")
    if any("*" in origin for origin in options["server.corsAllowedOrigins"]):
        return Finding(
            "cors", Level.REFUSED, "Every page may send requests.", "Name the origins in server.corsAllowedOrigins."
        )
    return Finding("cors", Level.OK, "Other pages' requests are refused.")


def _headers(settings: Settings, options: Options) -> Finding:
    if options["server.trustedUserHeaders"] and not settings.behind_tls:
        return Finding(
            "trusted headers",
            Level.REFUSED,
            "The server trusts headers that anyone can send.",
            "Unset server.trustedUserHeaders, or declare the proxy that sets them with FER_BEHIND_TLS=1.",
        )
    return Finding("trusted headers", Level.OK, "No header identifies a user, except a declared proxy's.")


def _metrics(settings: Settings, options: Options) -> Finding:  # noqa: ARG001 same form as the others
    if options["server.unsafeMetricsUserAttributes"]:
        return Finding(
            "metrics", Level.REFUSED, "Metrics would name users.", "Unset server.unsafeMetricsUserAttributes."
        )
    return Finding("metrics", Level.OK, "Metrics name nobody.")


def _telemetry(settings: Settings, options: Options) -> Finding:  # noqa: ARG001 same form as the others
    if options["browser.gatherUsageStats"]:
        return Finding(
            "telemetry", Level.REFUSED, "Usage would be reported to another host.", "Unset browser.gatherUsageStats."
        )
    return Finding("telemetry", Level.OK, "No usage is reported to another host.")


def _interfaces(settings: Settings, options: Options) -> Finding:  # noqa: ARG001 same form as the others
    for name in ("server.enableStaticServing", "server.enableAgentApi"):
        if options[name]:
            return Finding(
                "interfaces", Level.REFUSED, "An entry point that is not used here is open.", f"Unset {name}."
            )
    return Finding("interfaces", Level.OK, "No unused entry point is open.")


def _details(settings: Settings, options: Options) -> Finding:  # noqa: ARG001 same form as the others
    if options["client.showErrorDetails"] not in ("none", False):
        return Finding(
            "errors", Level.WARNING, "Errors would show parts of the program.", "Set client.showErrorDetails to none."
        )
    return Finding("errors", Level.OK, "Errors show no internals.")


SERVER_CHECKS: tuple[Callable[[Settings, Options], Finding], ...] = (
    _listening,
    _port,
    _xsrf,
    _cors,
    _headers,
    _metrics,
    _telemetry,
    _interfaces,
    _details,
)
