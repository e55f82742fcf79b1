"""A server with unsafe settings does not start, and says why."""

from __future__ import annotations

import os

import pytest

from tests.e2e import serving

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("flags", "environment", "said"),
    [
        (["--server.address", "0.0.0.0"], {}, "without TLS"),
        ([], {"STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "false"}, "forged requests"),
        ([], {"FER_MASTER_KEY": "secret"}, "64 random hexadecimal digits"),
        ([], {"FER_DATA_DIR": "/proc/nowhere/data"}, "can't make the folder for the data, /proc/nowhere/data."),
        ([], {"FER_TIMEZONE": "Nowhere"}, "the name of a time zone"),
        ([], {"FER_DATABASE_URL": "mangodb://secret@host/clinic"}, "postgresql+psycopg://"),
    ],
)
def test_unsafe_settings_end_the_start(tmp_path, flags, environment, said):
    environment = os.environ | {"FER_DATA_DIR": str(tmp_path / "data")} | environment
    log = tmp_path / "server.log"
    server = serving.Copy(["run", "streamlit_app.py", "--server.port", "0", *flags], environment, log)
    assert server.wait(300) == 78
    assert said in log.read_text()
    assert "secret" not in log.read_text()
