"""A recording is handed in once, however often the button is clicked."""

import numpy as np
from PIL import Image
from sqlalchemy import func, select
from streamlit.testing.v1 import AppTest

from clinic.patients import caseload
from db.models import Job
from storage.media import open_store
from tests.consents import agree
from web.resources import resources


def page(path):
    import io
    from datetime import date
    from pathlib import Path

    import streamlit as st

    from clinic.patients import caseload
    from clinic.patients.fields import RecordingFields
    from pages.session import actor
    from pages.views.hand_in import hand_in
    from web.resources import resources

    picture = io.BytesIO(Path(path).read_bytes())
    picture.name, picture.file_id = "visit.png", "the same choice"
    [patient] = caseload.list_patients(resources().db, actor())
    if st.button("Start"):
        hand_in(patient, [picture], RecordingFields(date(2026, 5, 4)), 0.2)


def test_a_second_click_adds_nothing_and_keeps_no_second_file(settings, enter, tmp_path, monkeypatch):
    who, db = enter(), resources().db
    agree(db, caseload.add_patient(db, who, "Invented Person"))
    path = tmp_path / "visit.png"
    Image.fromarray(np.full((40, 40, 3), 9, np.uint8)).save(path)
    form = AppTest.from_function(page, args=(str(path),), default_timeout=30).run()
    for _ in range(2):
        form.button[0].click().run()
        assert not form.exception
        assert not form.error
        assert not form.session_state["queued"].duplicate
    with db.read() as session:
        assert session.scalar(select(func.count(Job.id))) == 1
    assert len(list(open_store(settings).files())) == 1
