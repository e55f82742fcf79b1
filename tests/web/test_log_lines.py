"""Every library in the web process writes by the one handler that bounds its lines."""

import subprocess
import sys

PROGRAM = """
import logging
from streamlit import logger
from streamlit.proto.BackMsg_pb2 import BackMsg
from web import log_lines

first = logger.get_logger("streamlit.of_the_start")
logging.getLogger("uvicorn.error").propagate = False
log_lines.gather()
later = logger.get_logger("streamlit.made_later")
for number in range(1000):
    for log in (first, later, logging.getLogger("uvicorn.error"), logging.getLogger("asyncio")):
        log.warning("from outside\\n2026-01-01 web.gate WARNING a forged line \\x1b[31m" + "A" * 250_000)
later.info("connected")
assert not logging.getLogger("uvicorn.access").hasHandlers()
"""


def test_every_logger_writes_few_and_bounded_lines():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    lines = done.stderr.splitlines()
    names = ["streamlit.of_the_start", "streamlit.made_later", "uvicorn.error", "asyncio"]
    # All four were written by one line of a program, and are of one kind.
    assert len(lines) == 20
    assert {line.split()[2] for line in lines} == set(names)
    assert all(len(line) < 1200 and "\\x1b" in line and "\x1b" not in line for line in lines)
