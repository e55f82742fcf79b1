"""One moment of the database for a thread that asks it many things, such as a page that is drawn."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

_ANSWERS = "answers"
Answer = TypeVar("Answer")


class Moment(threading.local):
    """The session that all reads of this thread share from `begin` to its end, so that they see one moment.

    It connects at the first read. `leave` ends the moment early, as a write does: the next read begins another.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._depth = 0
        self._session: Session | None = None

    @contextmanager
    def begin(self) -> Iterator[None]:
        """Share one session until the end; within another moment nothing changes."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                self.leave()

    def session(self) -> Session | None:
        """Return the shared session, None where this thread has begun no moment."""
        if self._depth and self._session is None:
            self._session = Session(self._engine, expire_on_commit=False, info={_ANSWERS: {}})
            _keep_what_is_read(self._session)
        return self._session

    def leave(self) -> None:
        """Close the shared session, so that the next read sees what is stored then."""
        session, self._session = self._session, None
        if session is not None:
            session.close()


def once(session: Session, key: tuple[Any, ...], ask: Callable[[], Answer]) -> Answer:
    """Return what `ask` returns, worked out once in a moment; in any other session each time.

    `key`: what is asked, and of whom.
    """
    answers = session.info.get(_ANSWERS)
    if answers is None:
        return ask()
    if key not in answers:
        answers[key] = ask()
    return answers[key]  # type: ignore[no-any-return]


def _keep_what_is_read(session: Session) -> None:
    """Let rows that were read by their key be known until the end: SQLAlchemy forgets what nobody holds."""
    kept: list[object] = []

    @event.listens_for(session, "loaded_as_persistent")
    def _keep(_session: Session, row: object) -> None:
        kept.append(row)
