"""What was tried against the program and what it answered, as the tests saw it: written to docs/attacks.md."""

from pathlib import Path

import pytest
from starlette.websockets import WebSocketDisconnect

from fer_core.errors import FerError

HEAD = """# Attacks that the tests try

`make attacks` tries them and writes this file: each answer is the one that the program gave, none was typed by hand.

| tried | the program's answer |
| --- | --- |
"""
ANSWERS = pytest.StashKey[dict[str, list[str]]]()


def answer_to(work):
    """Run an attack and return how it ended: what a test compares, and what the log says."""
    try:
        found = work()
    except FerError as refusal:
        return refusal.code, refusal.message
    except WebSocketDisconnect as end:
        return end.code, f"the websocket was closed with {end.code}"
    if hasattr(found, "status_code"):
        said = found.text if len(found.text) < 200 and found.text.isprintable() else ""
        return found.status_code, f"HTTP {found.status_code}" + (f": {said}" if said else "")
    return found, str(found)


@pytest.fixture
def attack(request):
    """Return a function that tries an attack, checks the answer, and keeps it under the words of the test's mark."""
    (tried,) = request.node.get_closest_marker("attack").args

    def run(work, expected):
        compared, said = answer_to(work)
        assert compared == expected
        answers = request.config.stash.setdefault(ANSWERS, {}).setdefault(tried, [])
        if said not in answers:
            answers.append(said)

    return run


def write(path: Path, answers):
    """Write the log, in the order of what was tried."""
    lines = [f"| {tried} | {'; '.join(said).replace('|', '/')} |\n" for tried, said in sorted(answers.items())]
    path.write_text(HEAD + "".join(lines), encoding="utf-8")
