"""A face over the time of a video, as a picture."""

import base64
import re

from pages.charts.tracks import NARROW, PICTURE, WIDE, faces_over_time


def svg(uri):
    return base64.b64decode(uri.removeprefix("data:image/svg+xml;base64,")).decode()


def test_stretches_stand_where_they_are_in_time():
    drawn = svg(faces_over_time([(0.0, 25.0), (75.0, 100.0)], [], 100.0, "Seen <twice>"))
    assert f'x="{0.75 * WIDE:.1f}"' in drawn
    assert f'width="{0.25 * WIDE:.1f}"' in drawn
    assert "<title>Seen &lt;twice&gt;</title>" in drawn


def test_pictures_do_not_cover_each_other():
    drawn = svg(faces_over_time([(0.0, 100.0)], [(float(at), b"jpeg") for at in range(0, 100, 2)], 100.0, "Seen"))
    assert 5 <= drawn.count("<image") <= 12


def test_a_narrow_one_holds_fewer_pictures_and_none_beyond_its_end():
    views = [(float(at), b"jpeg") for at in range(0, 100, 2)]
    drawn = svg(faces_over_time([(0.0, 100.0)], views, 100.0, "Seen", NARROW))
    assert f'viewBox="0 0 {NARROW} ' in drawn
    lefts = [float(left) for left in re.findall(r'<image x="([\d.]+)"', drawn)]
    assert 2 <= len(lefts) <= 4
    assert max(lefts) + PICTURE <= NARROW
