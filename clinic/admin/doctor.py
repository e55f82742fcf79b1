"""Is this installation safe, and does it work? Each check reports its finding and what to do; nothing is written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from clinic.admin import installation_checks, server_checks
from clinic.admin.findings import Finding as Finding
from clinic.admin.findings import Level as Level
from clinic.admin.findings import guarded
from clinic.admin.serving import Options
from clinic.settings import Settings
from clinic.version import VERSION
from fer_core.errors import FerError


class UnsafeError(FerError):
    """The server must not start like this."""

    code = "unsafe_settings"


def examine(settings: Settings, options: Options) -> list[Finding]:
    """Return what all checks found, those of the server's options first."""
    return _of_server(settings, options) + installation_checks.check_all(settings)


def require_safe(settings: Settings, options: Options) -> list[Finding]:
    """Return what is worth a warning at the start: what the start itself repairs is left out.

    Raises UnsafeError with all reasons where a check refuses.
    """
    found = examine(settings, options)
    refused = [finding for finding in found if finding.level is Level.REFUSED]
    if refused:
        raise UnsafeError("\n".join(f"- {line(finding)}" for finding in refused))
    return [finding for finding in found if finding.level is not Level.OK and not _fixed_by_the_start(finding)]


def _fixed_by_the_start(finding: Finding) -> bool:
    """Whether it is about missing tables, the port, which is its own by then, or pages and a worker that do not run."""
    of_the_start = (
        finding.name in ("tables", "port", "pages", "analysis") or finding.sentence == installation_checks.NO_DATABASE
    )
    return finding.level is Level.WARNING and of_the_start


def line(finding: Finding) -> str:
    """Return a finding in one line."""
    return f"{finding.name}: {finding.sentence} {finding.remedy}".strip()


def sound(found: Iterable[Finding]) -> bool:
    """Return whether nothing is broken or refused."""
    return all(finding.level in (Level.OK, Level.WARNING) for finding in found)


def as_json(found: list[Finding]) -> str:
    """Return the findings for a monitoring program: whether all is sound, the version, and each finding."""
    report = {"sound": sound(found), "version": VERSION, "findings": [asdict(finding) for finding in found]}
    return json.dumps(report, indent=2)


def _of_server(settings: Settings, options: Options) -> list[Finding]:
    checks = server_checks.SERVER_CHECKS
    return [guarded("server", check, settings, options) for check in checks]
