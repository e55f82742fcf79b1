"""A server with unsafe settings does not start, and says why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("flags", "environment", "said"),
    [
        (["--server.address", "0.0.0.0"], {}, "without TLS"),
        ([], {"STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "false"}, "forged requests"),
        ([], {"FER_MASTER_KEY": "secret"}, "64 random hexadecimal digits"),
        ([], {"FER_TIMEZONE": "Nowhere"}, "the name of a time zone"),
        ([], {"FER_DATABASE_URL": "mangodb://secret@host/clinic"}, "postgresql+psycopg://"),
    ],
)
def test_unsafe_settings_end_the_start(tmp_path, flags, environment, said):
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", "0", *flags]
    environment = os.environ | {"FER_DATA_DIR": str(tmp_path / "data")} | environment
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 78
    assert said in done.stderr
    assert "secret" not in done.stderr
