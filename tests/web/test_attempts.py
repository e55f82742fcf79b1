"""Attempts at passwords: a flood is refused before it costs anything, and nobody else waits for it."""

import asyncio
import threading

import pytest
from starlette.requests import Request

from clinic.accounts.throttle import TooManyError
from tests import loops
from web import attempts
from web.attempts import AddressLimit, Attempts, address_of


def request_from(host):
    return Request({"type": "http", "client": (host, 1), "headers": []})


def test_an_address_has_a_budget_that_comes_back():
    moment = [0.0]
    limit = AddressLimit(3, 10.0, lambda: moment[0])
    for _ in range(3):
        limit.take("a")
    with pytest.raises(TooManyError) as refusal:
        limit.take("a")
    assert (refusal.value.code, refusal.value.retry_after_s) == ("sign_in_delayed", 10)
    limit.take("b")
    moment[0] = 10.0
    limit.take("a")
    with pytest.raises(TooManyError):
        limit.take("a")
    limit.give_back("a")
    limit.take("a")


def test_the_addresses_that_are_remembered_are_bounded(monkeypatch):
    monkeypatch.setattr(attempts, "MOST_ADDRESSES", 2)
    limit = AddressLimit(1, 1e9)
    for address in ("a", "b", "c"):
        limit.take(address)
    assert list(limit._budgets) == ["b", "c"]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
    ],
)
def test_one_person_s_ipv6_addresses_are_one(host, address):
    assert address_of(request_from(host)) == address


@pytest.mark.attack("sixty wrong passwords at once: how many are looked at, and whether somebody else gets in")
def test_a_flood_is_refused_and_nobody_waits(attack):
    tried, free = [], threading.Event()
    line = Attempts("test")

    def wrong(number):
        free.wait(10)
        tried.append(number)
        raise ValueError

    async def flood():
        coming = [asyncio.ensure_future(line.run(request_from("192.0.2.1"), lambda n=n: wrong(n))) for n in range(60)]
        await asyncio.sleep(0)
        honest = asyncio.ensure_future(line.run(request_from("192.0.2.2"), lambda: "signed in"))
        free.set()
        ended = await asyncio.gather(*coming, return_exceptions=True)
        refused = [error for error in ended if isinstance(error, TooManyError)]
        assert {(error.code, error.retry_after_s) for error in refused} == {("sign_in_busy", attempts.BUSY_S)}
        return len(tried), await honest

    attack(lambda: loops.run(flood()), (attempts.MOST_OPEN_OF_ONE, "signed in"))


def test_many_addresses_fill_the_line_and_no_more():
    line, free = Attempts("test"), threading.Event()

    async def flood():
        coming = [
            asyncio.ensure_future(line.run(request_from(f"192.0.2.{n}"), lambda: free.wait(10))) for n in range(40)
        ]
        await asyncio.sleep(0)
        free.set()
        return await asyncio.gather(*coming, return_exceptions=True)

    ended = loops.run(flood())
    assert sum(not isinstance(one, TooManyError) for one in ended) == attempts.AT_ONCE + attempts.MOST_WAITING
    assert line._open.total() == 0
