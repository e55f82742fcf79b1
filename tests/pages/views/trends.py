"""A patient whose recordings hardly differ, as the pages get it."""

from clinic.patients.trends import Trend, trend
from tests.clinic.patients.test_trends import EVEN, recording


def even_trend(size: float = 200.0) -> Trend:
    """The trend of nine recordings worth `size` independent moments each."""
    recordings = [recording(number, happy) for number, happy in enumerate(EVEN)]
    for each in recordings:
        each.summary["sizes"] = dict.fromkeys(each.summary["sizes"], size)
    return trend(recordings)
