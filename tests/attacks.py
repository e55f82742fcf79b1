"""What was tried against the program and what it answered, as the tests saw it: written to docs/attacks.md."""

import html
import re
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
        said = sentence_of(found)
        return found.status_code, f"HTTP {found.status_code}" + (f": {said}" if said else "")
    return found, f"`{found}`"


def sentence_of(response):
    """Return what an answer says to a person."""
    if response.content and "json" in response.headers.get("content-type", ""):
        reported = response.json()
        return reported.get("message") or reported.get("detail", "")
    alert = re.search(r'role="alert">(.*?)</p>', response.text)
    return html.unescape(alert.group(1)) if alert else response.text if "<" not in response.text else ""


@pytest.fixture
def attack(request, tmp_path):
    """Return a function that tries an attack, checks the answer, and keeps it under the words of the test's mark.

    The folder of the test, which has another name in each run, stands in it as ``FOLDER``.
    """
    (tried,) = request.node.get_closest_marker("attack").args

    def run(work, expected):
        compared, said = answer_to(work)
        assert compared == expected
        said = said.replace(str(tmp_path), "FOLDER")
        answers = request.config.stash.setdefault(ANSWERS, {}).setdefault(tried, [])
        if said not in answers:
            answers.append(said)

    return run


def write(path: Path, answers):
    """Write the log, in the order of what was tried."""
    lines = [f"| {tried} | {'; '.join(said).replace('|', '/')} |\n" for tried, said in sorted(answers.items())]
    path.write_text(HEAD + "".join(lines), encoding="utf-8")
