"""The web server's options that safety depends on: Streamlit's options, read without Streamlit."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Options = Mapping[str, Any]
"""Streamlit's options by their names, as `DEFAULTS` has them."""

DEFAULTS: dict[str, Any] = {
    "server.address": None,
    "server.port": 8501,
    "server.sslCertFile": None,
    "server.sslKeyFile": None,
    "server.enableXsrfProtection": True,
    "server.enableCORS": True,
    "server.corsAllowedOrigins": [],
    "server.trustedUserHeaders": {},
    "server.unsafeMetricsUserAttributes": [],
    "server.enableStaticServing": False,
    "server.enableAgentApi": False,
    "server.maxUploadSize": 200,
    "browser.gatherUsageStats": True,
    "client.showErrorDetails": "full",
}
"""Streamlit's defaults."""


def read_options(folders: Sequence[Path], environment: Mapping[str, str]) -> Options:
    """Return the options of the config files (``.streamlit/config.toml``, the last folder wins) and the environment.

    Options on the command line of ``streamlit run`` are not known here; the server's start checks them too.
    """
    found = dict(DEFAULTS)
    for folder in folders:
        found |= _of_file(folder / ".streamlit" / "config.toml")
    for name in DEFAULTS:
        if (text := environment.get(_variable(name))) is not None:
            found[name] = _value(text, DEFAULTS[name])
    return found


def _of_file(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return {}
    flat = {f"{section}.{name}": value for section, values in content.items() for name, value in _items(values)}
    return {name: value for name, value in flat.items() if name in DEFAULTS}


def _items(values: Any) -> list[tuple[str, Any]]:
    return list(values.items()) if isinstance(values, dict) else []


def _variable(name: str) -> str:
    """Return the environment's variable of an option: ``server.enableCORS`` is ``STREAMLIT_SERVER_ENABLE_CORS``."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.replace(".", "_"))
    return f"STREAMLIT_{snake.upper()}"


def _value(text: str, default: Any) -> Any:
    if isinstance(default, bool):
        return text.strip().lower() in ("true", "1", "yes", "on")
    if isinstance(default, (list, dict)):
        try:
            return json.loads(text)
        except ValueError:
            return [part for part in text.split(",") if part]
    if isinstance(default, int):
        # What is no number stays as it is: Streamlit refuses it, and the check of the port says so before.
        return int(text) if text.strip().isdecimal() else text
    return text
