"""The environment's ``FER_`` variables: their types and defaults, and a sentence for each value of no use."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, ValidationInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from fer_core.errors import FerError
from storage.wrapping import KEY_BYTES

PREFIX = "FER_"
MEBIBYTE = 1024 * 1024
MIN_TOKEN = 32
MOST_BYTES = 1 << 63
MOST_THREADS, LEAST_PRIORITY = 512, 19
FLAGS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@cache
def zone_names() -> tuple[str, ...]:
    """Return all time zones in the order of their names."""
    return tuple(sorted(available_timezones()))


def variable(field: str) -> str:
    """Return the name of the variable that a field is read from."""
    return f"{PREFIX}{field.upper()}"


def _refusal(info: ValidationInfo, what: str) -> FerError:
    return FerError(f"{variable(info.field_name or '')} must {what}", "bad_setting")


def _flag(text: str, info: ValidationInfo) -> bool:
    if (found := FLAGS.get(text.strip().lower())) is None:
        raise _refusal(info, "be 1 or 0.")
    return found


def _place(text: str | Path, info: ValidationInfo) -> str | Path:
    if "://" in str(text):
        raise _refusal(info, "be a folder or file of this computer: mount the share, and name its folder.")
    return text


def _bytes(text: str, info: ValidationInfo) -> int:
    """Return the bytes of a number of gigabytes (10^9 bytes), without the rounding of floats."""
    try:
        size = Decimal(text).scaleb(9)
    except ArithmeticError:
        size = Decimal(-1)
    if not (size.is_finite() and 0 < size < MOST_BYTES):
        raise _refusal(info, "be a number of gigabytes above 0.")
    return int(size)


def _gigabytes(size: int) -> str:
    return str(Decimal(size).scaleb(-9))


def _days(text: str, info: ValidationInfo) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise _refusal(info, "be a number of days, 1 or more.")
    return int(text)


def _threads(text: str, info: ValidationInfo) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_THREADS:
        raise _refusal(info, f"be a number of CPU threads from 1 to {MOST_THREADS}.")
    return int(text)


def _nice(text: str, info: ValidationInfo) -> int:
    if not text.isdecimal() or int(text) > LEAST_PRIORITY:
        raise _refusal(info, f"be a number from 0 to {LEAST_PRIORITY}.")
    return int(text)


def _zone(text: str, info: ValidationInfo) -> str:
    if text not in zone_names():
        raise _refusal(info, "be the name of a time zone, such as Europe/Berlin.")
    return text


def _token(text: str, info: ValidationInfo) -> str:
    if len(text) < MIN_TOKEN:
        raise _refusal(info, f"have {MIN_TOKEN} characters or more: `openssl rand -hex 32` makes one.")
    return text


def _key(text: str) -> bytes:
    """Return the 32 bytes of a key that is written as 64 hexadecimal digits."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    # Of 32 random bytes, about 30 differ; a key typed by hand has few.
    if len(key) != KEY_BYTES or len(set(key)) < KEY_BYTES // 2:
        raise FerError(
            "The master key must be 64 random hexadecimal digits: `openssl rand -hex 32` makes one.", "weak_key"
        )
    return key


Flag = Annotated[bool, BeforeValidator(_flag), PlainSerializer(lambda on: str(int(on)))]
Gigabytes = Annotated[int, BeforeValidator(_bytes), PlainSerializer(_gigabytes)]
Days = Annotated[int, BeforeValidator(_days), PlainSerializer(str)]
Threads = Annotated[int, BeforeValidator(_threads), PlainSerializer(str)]
Nice = Annotated[int, BeforeValidator(_nice), PlainSerializer(str)]
Folder = Annotated[Path, BeforeValidator(_place), AfterValidator(Path.absolute), PlainSerializer(str)]
RealFolder = Annotated[Path, BeforeValidator(_place), AfterValidator(Path.resolve), PlainSerializer(str)]
Zone = Annotated[str, AfterValidator(_zone)]
Token = Annotated[str, AfterValidator(_token)]
Key = Annotated[bytes, BeforeValidator(_key), PlainSerializer(bytes.hex)]


class Environment(BaseSettings):
    """The variables that every installation reads, the demonstration too. An empty one counts as not set.

    Made without arguments it reads the process's environment. Raises FerError ``bad_setting`` and ``weak_key``.
    """

    model_config = SettingsConfigDict(
        alias_generator=variable,
        populate_by_name=True,
        case_sensitive=True,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        validate_default=False,
        # Secrets are among them.
        hide_input_in_errors=True,
    )

    data_dir: Folder | None = None
    demo: Flag = False
    behind_tls: Flag = False
    keep_files: Flag = False
    keep_faces: Flag = False
    own_worker: Flag = True
    max_upload_gb: Gigabytes = 4096 * MEBIBYTE
    media_quota_gb: Gigabytes = 64 * 1024 * MEBIBYTE
    dask: str | None = None
    model: Folder | None = None
    timezone: Zone | None = None
    metrics_token: Token | None = None
    training_dir: RealFolder | None = None
    training_threads: Threads = 1
    training_nice: Nice = 19

    def variables(self) -> dict[str, str]:
        """Return the variables that say this, without those that say what holds anyway."""
        return self.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)


class ClinicEnvironment(Environment):
    """The variables of an installation with real patients, which the demonstration leaves alone."""

    database_url: str | None = None
    media_url: str | None = None
    key_dir: Folder | None = None
    master_key: Key | None = None
    import_dir: RealFolder | None = None
    backup_dir: Folder | None = None
    need_totp: Flag = False
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    keep_patients_days: Days | None = None
    keep_recordings_days: Days | None = None
    keep_samples_days: Days | None = None
    keep_copies_days: Days | None = None


NAMES = frozenset(map(variable, ClinicEnvironment.model_fields))
"""Every variable that is read here."""


def unknown(names: Iterable[str]) -> dict[str, str | None]:
    """Return the names that look like variables of this program and are none, each with the nearest that is one."""
    meant = {name: re.split(r"\W+", name)[-1] for name in names}
    # A shell's ``export``, or a byte order mark, in front of it in the file of the environment.
    strange = sorted(name for name, last in meant.items() if last.startswith(PREFIX) and name not in NAMES)
    return {name: next(iter(get_close_matches(meant[name], NAMES, 1)), None) for name in strange}
