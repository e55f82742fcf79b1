"""A process that is asked to end notices it while its main thread is inside a library, and is cut off in any case."""

import signal
import subprocess
import sys

import pytest

INSIDE = """
import hashlib
import os
import signal
from clinic import requests_to_end

for number in requests_to_end.REQUESTS:
    signal.signal(number, lambda *_: None)
requests_to_end.on_request(lambda: os._exit(7))
print("inside", flush=True)
# One call that takes minutes, without Python's lock; no handler runs before it is over.
hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
"""
HOLDING = """
import re
from clinic import requests_to_end

requests_to_end.on_request(lambda: None)
requests_to_end.cut_off_after(0.1)
# One call that takes years, and that lets no other thread run.
re.match("(a+)+$", "a" * 100 + "b")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_thread_notices_it_whatever_the_main_one_does(number):
    with subprocess.Popen([sys.executable, "-c", INSIDE], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"inside\n"
            process.send_signal(number)
            assert process.wait(60) == 7
        finally:
            process.kill()


def test_the_system_cuts_off_what_lets_no_thread_run():
    with subprocess.Popen([sys.executable, "-c", HOLDING]) as process:
        try:
            assert process.wait(60) == -signal.SIGALRM
        finally:
            process.kill()
