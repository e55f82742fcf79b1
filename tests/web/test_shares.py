"""What one account may take of the server, and that it leaves another one's share alone."""

from tests import loops
from web.shares import A_SECOND, BURST, BYTES_OF_ONE, Open, Pace


def test_what_is_closed_does_not_count():
    windows = Open()
    with windows.one_more("a", 1) as first, windows.one_more("a", 1) as second, windows.one_more("b", 1) as other:
        assert (first, second, other) == (True, False, True)
    with windows.one_more("a", 1) as again:
        assert again


def test_messages_wait_where_one_account_sends_more_than_its_share():
    now = [0.0]
    pace = Pace(lambda: now[0])
    assert {pace.due_in("a", 0) for _ in range(int(BURST))} == {0.0}
    assert pace.due_in("a", 0) == 1 / A_SECOND
    assert pace.due_in("b", 0) == 0.0
    now[0] += 10 * BURST / A_SECOND
    assert pace.due_in("a", 0) == 0.0


def test_a_large_message_counts_as_many():
    pace = Pace(lambda: 0.0)
    assert pace.due_in("a", int(BYTES_OF_ONE * (BURST + A_SECOND))) == 1.01
    loops.run(Pace(lambda: 0.0).wait("a", 100))
