"""Streamlit's options as Streamlit itself reads them."""

import pytest
import streamlit
from streamlit import config

from clinic.admin.serving import DEFAULTS, _variable, read_options


@pytest.mark.parametrize("name", DEFAULTS)
def test_names_variables_and_defaults_are_streamlit_s(name):
    option = config._config_options_template[name]
    assert option.env_var == _variable(name)
    assert option.default_val == DEFAULTS[name], streamlit.__version__


def test_the_last_folder_and_then_the_environment_win(tmp_path):
    for name, text in {
        "home": '[server]\naddress = "0.0.0.0"\nenableCORS = false\nunknown = 1\n',
        "program": '[server]\naddress = "127.0.0.1"\n[browser]\ngatherUsageStats = false\n',
    }.items():
        (tmp_path / name / ".streamlit").mkdir(parents=True)
        (tmp_path / name / ".streamlit" / "config.toml").write_text(text)
    found = read_options(
        [tmp_path / "home", tmp_path / "program", tmp_path / "none"],
        {
            "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "false",
            "STREAMLIT_SERVER_MAX_UPLOAD_SIZE": "50",
            "STREAMLIT_SERVER_CORS_ALLOWED_ORIGINS": '["*"]',
            "STREAMLIT_SERVER_SSL_CERT_FILE": "cert.pem",
        },
    )
    assert set(found) == set(DEFAULTS)
    assert found["server.address"] == "127.0.0.1"
    assert found["server.enableCORS"] is False
    assert found["server.enableXsrfProtection"] is False
    assert found["browser.gatherUsageStats"] is False
    assert found["server.maxUploadSize"] == 50
    assert found["server.corsAllowedOrigins"] == ["*"]
    assert found["server.sslCertFile"] == "cert.pem"


def test_a_broken_file_is_passed_over(tmp_path):
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text("[server")
    assert read_options([tmp_path], {}) == DEFAULTS
