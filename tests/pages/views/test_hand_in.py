"""A recording is handed in once, however often the button is clicked."""

import io

import numpy as np
from PIL import Image
from sqlalchemy import func, select
from streamlit.testing.v1 import AppTest

from clinic.patients import caseload
from clinic.recordings import incoming
from clinic.recordings.pieces import Piece
from db.models import Job
from storage.media import open_store
from tests.consents import agree
from web.resources import resources


def page(upload_id):
    from datetime import date

    import streamlit as st

    from clinic.patients import caseload
    from clinic.patients.fields import RecordingFields
    from pages.session import actor
    from pages.views.hand_in import hand_in
    from pages.views.uploader import PICTURES, Sent, SentFile
    from web.resources import resources

    sent = Sent((SentFile(upload_id, "visit.png"),), done=True)
    [patient] = caseload.list_patients(resources().db, actor())
    if st.button("Start"):
        hand_in(patient, PICTURES, sent, RecordingFields(date(2026, 5, 4)), 0.2)


def test_a_second_click_adds_nothing_and_keeps_no_second_file(settings, enter):
    who, db = enter(), resources().db
    agree(db, caseload.add_patient(db, who, "Invented Person"))
    picture = io.BytesIO()
    Image.fromarray(np.full((40, 40, 3), 9, np.uint8)).save(picture, "PNG")
    begun = incoming.begin(db, settings, who, len(picture.getvalue()))
    piece = Piece(settings, begun.id, 0, {}, who.account_id)
    piece.write(picture.getvalue())
    piece.close()
    form = AppTest.from_function(page, args=(begun.id,), default_timeout=60).run()
    for _ in range(2):
        form.button[0].click().run()
        assert not form.exception
        assert not form.error
        assert not form.session_state["queued"].duplicate
    with db.read() as session:
        assert session.scalar(select(func.count(Job.id))) == 1
    assert len(list(open_store(settings).files())) == 1
