"""The notice for patients says what this installation really does, and needs nothing else to be printed."""

import re
from dataclasses import replace

import pytest

from clinic.consent import notice
from clinic.jobs import kept_faces
from clinic.settings import Retention
from tests.forbidden_claims import claims_in
from tests.web.test_routes import client_of
from web.routes import HEADERS

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def text_of(settings):
    return re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*</style>", "", notice.page(settings), flags=re.DOTALL))


def test_keeping_the_video_is_asked_for_only_where_it_is_possible(settings):
    said, kept = text_of(settings), text_of(replace(settings, keep_files=True))
    assert "are then deleted" in said
    assert "may be kept, encrypted" not in said
    assert "unless you agree below" in kept
    assert "may be kept, encrypted" in kept


def test_where_videos_are_deleted_small_pictures_of_the_face_are_asked_for_by_name(settings):
    said = text_of(replace(settings, keep_faces=True))
    assert f"are then deleted. If you agree below, up to {kept_faces.MOST} small pictures of your face" in said
    assert "Up to 12 small pictures of my face from each video may be kept" in said
    assert "The videos and pictures themselves may be kept" not in said


def test_times_are_those_of_the_settings(settings):
    assert text_of(settings).count("until your clinician deletes it") == 3
    said = text_of(replace(settings, retention=Retention(samples_days=90, recordings_days=1825)))
    assert "Numbers for each moment: 90 days after the recording; then it is deleted automatically." in said
    assert "A recording with its results: 1,825 days" in said
    assert said.count("until your clinician deletes it") == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, "computed on a computer of the practice."),
        ({"dask": "tcp://10.0.0.1:8786"}, "on computers that the practice runs"),
        ({"media_url": "s3://bucket"}, "in a storage that the practice chose"),
    ],
    ids=str,
)
def test_the_place_is_that_of_the_settings(settings, change, says):
    assert says in text_of(replace(settings, **change))


def test_it_is_one_page_without_scripts_other_files_or_forbidden_phrases(settings):
    page = notice.page(replace(settings, keep_files=True))
    assert not re.search(r"<script|<link|<img|src=|https?://|url\(", page)
    assert not claims_in(page)
    for blank in ("Name", "Signature", "Place and day", "Holds until"):
        assert blank in page


def test_the_route_serves_it_to_be_looked_at(db, settings, who):
    answer = client_of(db, settings, who).get(notice.PATH)
    assert answer.text == notice.page(settings)
    assert answer.headers["content-security-policy"] == notice.POLICY
    assert answer.headers["cache-control"] == HEADERS["Cache-Control"]
