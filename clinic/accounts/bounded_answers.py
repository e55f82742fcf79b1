"""Answers of a server elsewhere that may not grow or last without end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import httpx2

from clinic import clock

MOST_BYTES, LONGEST_S = 1 << 20, 20.0
"""A provider's metadata, keys and tokens have a few kilobytes."""
HEADERS = {"Accept-Encoding": "identity"}
"""A compressed answer may be a thousand times as large as what was counted, so none is asked for or taken."""


class _Bounded(httpx2.SyncByteStream):
    def __init__(self, stream: httpx2.SyncByteStream) -> None:
        self._stream, self._began = stream, clock.steady_s()

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for part in self._stream:
            size += len(part)
            if size > MOST_BYTES or clock.steady_s() - self._began > LONGEST_S:
                raise httpx2.ReadError("the answer is too large or takes too long")
            yield part

    def close(self) -> None:
        self._stream.close()


def bound(answer: httpx2.Response) -> None:
    """Let the body of an answer end in ReadError past `MOST_BYTES` or `LONGEST_S`: a ``response`` hook of a client.

    Raises ReadError for a compressed one.
    """
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise httpx2.ReadError("a compressed answer")
    answer.stream = _Bounded(cast(httpx2.SyncByteStream, answer.stream))
