"""Passwords: what is refused, and that nothing is cut or readable."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from clinic.accounts import passwords
from fer_core.errors import FerError

NAME = "Dr. Ada Lovelace"


@pytest.mark.parametrize(
    "password",
    [
        "nine wet umbrellas",
        "vier alte Hüte im Regen",
        "ßøåéñçüöäî ßøåé",
        "k7mp-x2vr-9tqd-hw4c",
        "a patient otter hums",
        "🦊🐢🦉🐝🦀🐳🦔🐌🦜🐙🦎🐇🦇🐡🦚 owls",
    ],
)
def test_long_enough_and_not_guessed_first_is_all_that_is_asked(password):
    passwords.check_password(password, NAME)


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "short_password"),
        ("fourteen chars", "short_password"),
        ("x y" * 400, "long_password"),
        ("password123456789", "common_password"),
        ("P@ssw0rdP@ssw0rd!", "common_password"),
        ("123456789012345", "common_password"),
        ("1234567890123456789", "common_password"),
        ("qwertyuiopasdfghjkl", "common_password"),
        ("aaaaaaaaaaaaaaaaaaaa", "common_password"),
        ("abababababababababab", "common_password"),
        ("Correct Horse Battery Staple", "common_password"),
        ("letmein letmein letmein", "common_password"),
        ("ExpressionHistory2026", "common_password"),
        ("Ada Lovelace 1815", "common_password"),
        ("LOVELACE-LOVELACE", "common_password"),
        ("AdministratorAdministrator", "common_password"),
        ("wxyzuvwwxyzuvwwxyzuvw", "common_password"),
        ("The quick brown fox jumps over the lazy dog!", "common_password"),
        ("qwertz qwertz qwertz 1", "common_password"),
        ("JohnSmith19851985", "common_password"),
        ("monkey dragon master", "common_password"),
        ("princess-sunshine-1", "common_password"),
        ("11/12/1985 11/12/1985", "common_password"),
        ("Manchester United 1999", "common_password"),
        ("1qaz2wsx3edc4rfv", "common_password"),
        ("zyxwvutsrqponmlk", "common_password"),
        ("4d4 l0v3l4c3 1815", "common_password"),
        ("dr" + "owssap" * 3, "common_password"),
        ("a" * 1000, "common_password"),
        ("!" * 20, "common_password"),
    ],
)
def test_what_is_guessed_first_is_refused(password, code):
    with pytest.raises(FerError) as refusal:
        passwords.check_password(password, NAME)
    assert refusal.value.code == code


def refused(password, name):
    try:
        passwords.check_password(password, name)
    except FerError as refusal:
        return refusal.code
    return None


def test_the_words_of_one_name_are_not_those_of_another():
    password = "Quirina Vandersloot"
    found = [refused(password, name) for name in (NAME, password, "Dr. Zebulon Oxmoorfen")]
    assert found == [None, "common_password", None]


def test_many_are_looked_at_beside_each_other_each_with_its_own_name():
    people = ["Quirina Vandersloot", "Zebulon Oxmoorfen"]
    pairs = [(password, name) for password in people for name in people] * 10
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda pair: refused(*pair), pairs))
    assert found == ["common_password" if password == name else None for password, name in pairs]


def test_the_longest_password_is_not_looked_at_to_its_end(monkeypatch):
    looked_at = []
    monkeypatch.setattr(passwords, "zxcvbn", lambda text, **_: looked_at.append(len(text)) or {"guesses": 1e20})
    passwords.check_password("1l!|" * 256, NAME)
    assert max(looked_at) == passwords.LOOKED_AT


def test_a_hash_is_argon2id_and_differs_each_time():
    stored = passwords.hash_password("nine wet umbrellas")
    assert stored.startswith("$argon2id$")
    assert stored != passwords.hash_password("nine wet umbrellas")
    assert len(stored) <= 200


def test_the_real_work_is_that_of_rfc_9106(monkeypatch):
    monkeypatch.undo()
    parameters = (passwords.HASHER.memory_cost, passwords.HASHER.time_cost, passwords.HASHER.parallelism)
    assert parameters == (65536, 3, 4)


def test_the_last_character_of_the_longest_password_counts():
    password = "abcdefgh" * 128
    stored = passwords.hash_password(password)
    assert passwords.verify(stored, password)
    assert not passwords.verify(stored, password[:-1] + "x")
    assert not passwords.verify(stored, password[:-1])


def test_a_keyboard_may_compose_characters_as_it_likes():
    assert passwords.verify(passwords.hash_password("fu\u0308nf alte Hu\u0308te"), "fünf alte Hüte")


@pytest.mark.parametrize("stored", [None, "", "no hash at all"])
def test_nobody_has_a_password(stored):
    assert not passwords.verify(stored, "nine wet umbrellas")


def test_generated_passwords_are_accepted_and_differ():
    made = {passwords.generate() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        passwords.check_password(password, NAME)
