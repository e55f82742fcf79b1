"""A prepared file that is gone says why: who reads it is told what can be done, and nothing that isn't so."""

import pytest
from streamlit.testing.v1 import AppTest

from clinic.consent.consent import Scope
from clinic.erasure import deletion, withdrawal
from clinic.exchange import downloads
from clinic.patients import caseload
from pages.views.download import USED
from tests import consents
from web.resources import resources


def page_of_export(patient_id):
    from clinic.exchange import downloads
    from pages.session import actor
    from pages.views import download
    from web.resources import resources

    parts = resources()
    download.prepare("archive", lambda: downloads.prepare(parts.db, parts.settings, actor(), patient_id))
    download.show("archive", patient_id)


def fetch(settings, who, patient_id):
    [file] = (settings.data_dir / "downloads").iterdir()
    downloads.take(resources().db, settings, who, file.name[:32]).path.unlink()


def withdraw(settings, who, patient_id):
    withdrawal.withdraw(resources().db, settings, who, patient_id, [Scope.EXPORT])


def withdraw_of_another(settings, who, patient_id):
    other = caseload.add_patient(resources().db, who, "Other Invented")
    consents.agree(resources().db, other)
    withdraw(settings, who, other)


def delete(settings, who, patient_id):
    deletion.delete_patient(resources().db, settings, who, patient_id)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (fetch, USED),
        (withdraw_of_another, USED),
        (withdraw, "The patient's consent to export the results was withdrawn on "),
        (delete, "This patient does not exist any more."),
    ],
)
def test_a_file_that_is_gone_says_why(settings, enter, change, said):
    who = enter()
    patient_id = caseload.add_patient(resources().db, who, "Invented Person")
    consents.agree(resources().db, patient_id)
    page = AppTest.from_function(page_of_export, args=(patient_id,), default_timeout=60).run()
    assert not page.exception
    assert not page.warning
    change(settings, who, patient_id)
    page.run()
    assert not page.exception
    assert [one.value.startswith(said) for one in page.warning] == [True]
