"""Passwords: which are accepted, and how they are hashed (argon2id)."""

from __future__ import annotations

import secrets
import string
import threading
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from fer_core.errors import FerError

LEAST, MOST = 15, 1024
"""Most characters of a password; a longer one is refused and never cut."""
OWN_LEAST = 8
"""Characters that must remain after everything that attackers try first is removed."""

HASHER = PasswordHasher()
"""argon2id with 64 MiB, three passes and four lanes (RFC 9106, section 4, the second choice)."""
_AT_ONCE = threading.BoundedSemaphore(2)
"""Each hash takes 64 MiB, so that a flood of attempts waits instead of filling the memory."""

UNKNOWN_GROUPS = 8
"""Groups of a password that is never shown."""
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters of generated passwords and codes; none is easily mistaken for another."""

GUESSED_WHOLE = (
    "correcthorsebatterystaple",
    "thequickbrownfoxjumpsoverthelazydog",
    "tobeornottobethatisthequestion",
    "loremipsumdolorsitamet",
    "maytheforcebewithyou",
    "iamthewalrusiamthewalrus",
    "onceuponatimetherewas",
    "yabbadabbadoo",
)
GUESSED_PARTS = (
    *("password", "passwort", "passphrase", "passcode", "secret", "letmein", "welcome", "login", "signin", "iloveyou"),
    *("administrator", "admin", "root", "user", "guest", "test", "demo", "changeme", "default", "master", "trustno"),
    *("sunshine", "princess", "football", "baseball", "superman", "batman", "dragon", "monkey", "shadow", "charlie"),
    *("michael", "jordan", "hunter", "summer", "winter", "spring", "autumn", "january", "december", "monday", "friday"),
    *("expression", "history", "clinician", "clinic", "patient", "hospital", "doctor", "therapist", "therapy"),
    *("psychiatry", "psychology", "mental", "health", "dashboard", "streamlit", "company", "computer", "internet"),
    *("qwertzuiop", "qwertyuiop", "asdfghjkl", "yxcvbnm", "zxcvbnm", "qwerty", "qwertz", "azerty", "asdfgh", "asdf"),
    *(
        "qazwsxedc",
        "qazwsx",
        "1q2w3e4r5t6z",
        "1q2w3e4r5t",
        "1q2w3e4r",
        "zaq12wsx",
        "abc123",
        "abcdefghijklmnopqrstuvwxyz",
    ),
    *("abcdefgh", "abcdef", "abcd", "01234567890", "1234567890", "123456789", "12345678", "123456", "12345", "1234"),
    *("0987654321", "987654321", "87654321", "654321", "54321", "4321", "123", "321", "2024", "2025", "2026", "2027"),
)
"""What guessers try first, of our own choosing: a password may hold them, but has to be more than them."""
_BETWEEN = frozenset(string.whitespace + string.punctuation)
_LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})


def check_password(password: str, name: str) -> None:
    """Refuse a password that is too easily guessed for the account called `name`.

    No composition rules: any characters, spaces too. Raises FerError ``short_password``, ``long_password``,
    ``common_password``.
    """
    text = _normal(password)
    if len(text) < LEAST:
        raise FerError(
            f"Please choose a password of at least {LEAST} characters; several words work well.", "short_password"
        )
    if len(text) > MOST:
        raise FerError(f"Please choose a password of at most {MOST} characters.", "long_password")
    if _guessable(text, name):
        raise FerError(
            "This password is among the first that attackers try. Please choose words that have nothing to do with"
            " your name, this program or your work.",
            "common_password",
        )


def hash_password(password: str) -> str:
    """Return the stored hash of a password."""
    with _AT_ONCE:
        return HASHER.hash(_normal(password))


def verify(stored: str | None, password: str) -> bool:
    """Return whether the password is the stored one; None, for nobody, takes the same work and is always False."""
    nobody = _hash_of_nobody()
    with _AT_ONCE:
        try:
            return HASHER.verify(stored or nobody, _normal(password)) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


def generate(groups: int = 5) -> str:
    """Return a random password of `groups` times four characters (about 20 bits each), to be read out or copied."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(groups))


@cache
def _hash_of_nobody() -> str:
    return HASHER.hash(secrets.token_hex())


def _normal(password: str) -> str:
    """Return the password in normal form, however a keyboard composed its characters."""
    return unicodedata.normalize("NFKC", password)


def _guessable(text: str, name: str) -> bool:
    folded = text.casefold()
    plain = _letters(folded)
    if plain in GUESSED_WHOLE or len(set(folded)) < 5:
        return True
    words = sorted({*GUESSED_PARTS, *_words_of(name)}, key=len, reverse=True)
    readings = (_once(plain), _once(_letters(folded.translate(_LEET))))
    return min(len(_without(reading, words)) for reading in readings) < OWN_LEAST


def _letters(text: str) -> str:
    return "".join(character for character in text if character not in _BETWEEN)


def _words_of(name: str) -> list[str]:
    return [word for word in map(_letters, _normal(name).casefold().split()) if len(word) >= 3]


def _once(text: str) -> str:
    """Return the shortest beginning that, repeated, gives the text."""
    for length in range(1, len(text) // 2 + 1):
        unit = text[:length]
        if (unit * (len(text) // length + 1))[: len(text)] == text:
            return unit
    return text


def _without(text: str, words: list[str]) -> str:
    for word in words:
        text = text.replace(word, "")
    return text
