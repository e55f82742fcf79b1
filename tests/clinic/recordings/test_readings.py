"""A stored recording is read from its samples, smoothed or not."""

from dataclasses import replace

import numpy as np
import pytest

from clinic.accounts import accounts
from clinic.patients import caseload
from clinic.recordings import readings
from db.models import Account, Recording
from fer_core.model.model_card import ModelCard
from fer_core.reading.reading import read


@pytest.fixture
def stored(db, who, invented):
    """An invented recording."""
    with db.session() as session:
        accounts.take_orphans(session, session.get_one(Account, who.account_id))
    patients = caseload.list_patients(db, who)
    return caseload.get_patient(db, who, patients[0].id).recordings[0]


def test_the_reading_agrees_with_what_was_stored_after_the_analysis(db, who, stored):
    result = readings.analysis_result(db, who, stored.id)
    assert result.reading.samples == stored.samples
    assert result.reading.usable_share == pytest.approx(stored.usable_share)
    assert result.reading.longest_gap_s == pytest.approx(stored.longest_gap_s)
    assert {status.value: share for status, share in result.reading.reasons.items()} == pytest.approx(stored.reasons)


def test_smoothing_changes_the_curves_and_never_the_reading(db, who, stored):
    rough, show_errors = readings.analysis_result(db, who, stored.id), readings.analysis_result(db, who, stored.id, 3.0)
    assert show_errors.reading == rough.reading == read(rough.series)
    assert np.nanstd(np.diff(show_errors.series.outputs, axis=0)) < np.nanstd(np.diff(rough.series.outputs, axis=0))
    assert (np.isnan(show_errors.series.outputs) == np.isnan(rough.series.outputs)).all()
    assert len(show_errors.episodes) < len(rough.episodes)


def test_adjusted_shares_are_given_for_the_model_whose_rates_are_known(db, who, stored):
    result = readings.analysis_result(db, who, stored.id)
    assert result.adjusted is None
    assert "isn't known here" in result.not_adjusted or "independent moments" in result.not_adjusted
    with db.session() as session:
        session.get_one(Recording, stored.id).model_sha256 = ModelCard.load().sha256
    result = readings.analysis_result(db, who, stored.id)
    assert (result.adjusted is None) == bool(result.not_adjusted)
    assert "isn't known here" not in result.not_adjusted


def test_the_card_is_that_of_the_model_in_use(db, who, stored, tmp_path, monkeypatch):
    """With a promoted model the recording's page said that its rates aren't known, and the axis had adjusted shares."""
    monkeypatch.setattr(readings, "FEWEST", 1.0)
    card = tmp_path / "own.json"
    replace(ModelCard.load(), sha256="0" * 64).save(card)
    with db.session() as session:
        session.get_one(Recording, stored.id).model_sha256 = "0" * 64
    assert "isn't known here" in readings.analysis_result(db, who, stored.id).not_adjusted
    assert "isn't known here" not in readings.analysis_result(db, who, stored.id, card=card).not_adjusted
