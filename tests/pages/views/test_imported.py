"""Tables of other programs: the one that is shown is deleted, and a wrong day can be put right with the same file."""

import io
from datetime import date

from streamlit.testing.v1 import AppTest

from clinic.exchange import imported_series
from clinic.patients import caseload
from clinic.recordings.uploads import uploads_dir
from tests import consents
from tests.clinic.exchange.test_other_tools import OPENFACE
from web.resources import resources

DAY = date(2026, 1, 5)


def room(patient_id, content):
    from unittest.mock import patch

    import streamlit as st

    from clinic.patients import caseload
    from clinic.recordings import incoming
    from clinic.recordings.pieces import Piece
    from pages import clicks
    from pages.session import actor
    from pages.views.imported import show_imported
    from pages.views.uploader import Sent, SentFile
    from web.resources import resources

    def sent(kind):
        """The same file again and again, each time sent up anew, as a browser does after the choice was emptied."""
        if kind.opened not in st.session_state:
            settings, owner = resources().settings, actor().account_id
            upload_id = incoming.begin(resources().db, settings, actor(), len(content)).id
            piece = Piece(settings, upload_id, 0, {}, owner)
            piece.write(content)
            piece.close()
            st.session_state[kind.opened] = upload_id
        return Sent((SentFile(st.session_state[kind.opened], "table.csv"),), done=True)

    with clicks.run(), patch("pages.views.imported.uploader", sent):
        show_imported(caseload.get_patient(resources().db, actor(), patient_id))


def test_a_table_that_was_imported_for_a_wrong_day_is_deleted_and_imported_again(settings, enter):
    who, db = enter(), resources().db
    patient_id = caseload.add_patient(db, who, "Invented Person")
    consents.agree(db, patient_id)
    other = imported_series.add(db, who, patient_id, DAY, io.BytesIO(OPENFACE.replace("0.50", "0.70").encode()))
    page = AppTest.from_function(room, args=(patient_id, OPENFACE.encode()), default_timeout=60).run()
    for on in (DAY, date(2026, 1, 6), DAY):
        page.date_input[0].set_value(on).run()
        next(button for button in page.button if button.label == "Import this table").click().run()
        assert not page.exception
        made = next(one for one in imported_series.listed(db, who, patient_id) if one.id != other.id)
        assert made.recorded_on == on
        assert len(list(uploads_dir(settings).glob("*.part"))) == 1, "the table's file goes when it is taken"
        labels = [button.label for button in page.button if button.label.startswith("Delete")]
        assert len(set(labels)) == 2, "also where both are of one day"
        next(button for button in page.button if button.label.endswith(f"no. {made.number}")).click().run()
        assert len(imported_series.listed(db, who, patient_id)) == 2, "it asks first"
        next(button for button in page.button if button.label == "Delete").click().run()
        assert [one.id for one in imported_series.listed(db, who, patient_id)] == [other.id]
