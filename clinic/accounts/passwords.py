"""Passwords: which are accepted, and how they are hashed (argon2id)."""

from __future__ import annotations

import math
import secrets
import string
import threading
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from fer_core.errors import FerError

LEAST, MOST = 15, 1024
"""Most characters of a password; a longer one is refused and never cut."""
LEAST_GUESSES = 10**10
"""Guesses that zxcvbn expects of an attacker at least; its own highest mark begins there."""
LOOKED_AT = 72
"""Letters that are looked at: zxcvbn takes no more, and needs the square of their number in time."""

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
"""Sentences that everybody knows: to zxcvbn they are as good as words that have nothing to do with each other."""
OF_THIS_PLACE = (
    *("expression", "history", "clinician", "clinic", "patient", "hospital", "doctor", "therapist", "therapy"),
    *("psychiatry", "psychology", "mental", "health", "dashboard", "streamlit", "administrator", "signin"),
    *("passwort", "passphrase", "passcode", "qwertz", "qwertzuiop", "yxcvbnm", "changeme", "hallo", "willkommen"),
)
"""What is guessed first here, beside zxcvbn's lists: the program's and the work's own words, and German ones."""
_BETWEEN = frozenset(string.whitespace + string.punctuation)
_ONE_AT_A_TIME = threading.Lock()
"""zxcvbn keeps the words that it is given in a table that all threads share."""


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
    plain = _letters(text.casefold())
    if plain in GUESSED_WHOLE:
        return True
    words = [*_words_of(name), *OF_THIS_PLACE]
    # Words are found with what stands between them, and without: the easier reading counts.
    return min(_guesses(text, words), _guesses(plain, words)) < LEAST_GUESSES


def _guesses(text: str, words: list[str]) -> float:
    """Return after how many guesses an attacker who knows these words is expected to have the text."""
    if not text:
        return math.inf
    with _ONE_AT_A_TIME:
        return float(zxcvbn(text[:LOOKED_AT], user_inputs=words)["guesses"])


def _letters(text: str) -> str:
    return "".join(character for character in text if character not in _BETWEEN)


def _words_of(name: str) -> list[str]:
    return [word for word in map(_letters, _normal(name).casefold().split()) if len(word) >= 3]
