"""Faces to choose among: which of them probably are one person."""

import io

from PIL import Image

from clinic.jobs import candidates
from tests.media import scene, somebody_else


def jpeg(picture):
    written = io.BytesIO()
    Image.fromarray(picture).save(written, "JPEG")
    return written.getvalue()


def candidate(track, picture, met=(), along=()):
    """Return a face to choose with a picture of it, and pictures along the video."""
    views = tuple((float(at_s), jpeg(view)) for at_s, view in enumerate(along))
    return candidates.Candidate(track, 0.4, 0, 9, jpeg(picture), True, frozenset(met), views=views)


def test_faces_that_look_alike_are_asked_about_unless_they_were_seen_together():
    came_back, other = candidate(3, scene(left=80)), candidate(1, somebody_else())
    unseen = candidates.Candidate(4, 0.1, 0, 9, None, True)
    [pair] = candidates.probably_one([candidate(0, scene()), came_back, other, unseen])
    assert (pair.first, pair.second) == (0, 3)
    assert candidates.probably_one([candidate(0, scene(), met=[3]), came_back, other, unseen]) == []


def test_faces_are_compared_at_several_moments():
    turned = scene(left=-40)
    ends_lit, begins_lit = candidate(0, somebody_else(), along=[turned, turned, scene()]), candidate(1, scene())
    assert candidates.probably_one([candidate(0, somebody_else()), begins_lit]) == []
    [pair] = candidates.probably_one([ends_lit, begins_lit])
    assert (pair.first, pair.second) == (0, 1)
