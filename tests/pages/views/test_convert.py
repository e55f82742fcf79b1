"""What a chart draws of a recording that does not count."""

import pytest

from clinic.patients.trends import trend
from pages.views.convert import trend_dots
from tests.clinic.patients.test_trends import recording


@pytest.mark.parametrize(("unread", "usable", "moves"), [(True, 0.9, True), (True, 0.2, False), (False, 0.2, False)])
def test_under_a_condition_of_the_face_movement_alone_is_drawn(unread, usable, moves):
    made = recording(0, 0.5, usable=usable)
    made.summary["movement"] = 0.25
    [dot] = trend_dots(trend([made], {"r0"} if unread else ()).points)
    assert (dot.movement == 0.25) is moves
    assert (dot.shares is None) is unread
