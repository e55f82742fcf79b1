"""A reader that has enough ends a command without a traceback; another pipe that breaks is an error still."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fer_core.pipes import CLOSED_EARLY

BREAKS = """
import os, sys
from clinic.console import answered
reading, writing = os.pipe()
os.close(reading)
print("a line")
sys.exit(answered(lambda: os.write(writing, b"x")))
"""


def run_with_a_reader_that_has_gone(code):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run([sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writing)


@pytest.mark.parametrize(
    "code",
    [
        "import sys; from clinic.console import answered; sys.exit(answered(lambda: print('much\\n' * 100_000) or 0))",
        # So little that it is written when the process ends.
        "import sys; from clinic.console import answered; sys.exit(answered(lambda: print('little') or 0))",
        "import sys, fer_core.__main__ as fer; fer._run = lambda *_: print('little') or 0;"
        " sys.exit(fer.main(['a.png'], lambda _: None))",
        "import sys, backup.__main__ as copies; copies._verify = lambda _: print('little');"
        " sys.exit(copies.main(['verify', 'clinic.db', 'a.backup']))",
    ],
)
def test_a_reader_that_has_gone_ends_a_command_without_a_traceback(code):
    ended = run_with_a_reader_that_has_gone(code)
    assert ended.stderr == b""
    assert ended.returncode == CLOSED_EARLY


def test_another_pipe_that_breaks_is_an_error():
    ended = subprocess.run([sys.executable, "-c", BREAKS], capture_output=True, check=False)
    assert ended.returncode == 1
    assert b"BrokenPipeError" in ended.stderr
    assert ended.stdout == b"a line\n"
