"""Names under which the program answers: a stranger's name that was pointed at this computer is none of them."""

import pytest

from web import hosts


@pytest.mark.parametrize(
    ("allowed", "address", "behind_proxy", "answered", "refused"),
    [
        ([], "127.0.0.1", False, ["127.0.0.1:8501", "localhost", "[::1]:8501"], ["evil.example", "", None, "[x"]),
        ([], "127.0.0.1", True, ["clinic.example", "evil.example"], []),
        ([], None, False, ["clinic.example"], []),
        (["Clinic.Example."], None, True, ["clinic.example", "CLINIC.example:443", "localhost"], ["a.clinic.example"]),
        (["*.clinic.example"], None, True, ["a.clinic.example"], ["clinic.example", "evilclinic.example"]),
        (["*"], "127.0.0.1", False, ["evil.example"], []),
    ],
)
def test_which_names_are_answered_to(allowed, address, behind_proxy, answered, refused):
    names = hosts.names(allowed, address, behind_proxy)
    assert [host for host in answered if not hosts.answers_to(host, names)] == []
    assert [host for host in refused if hosts.answers_to(host, names)] == []
