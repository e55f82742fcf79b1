"""Analysis on the machines of a Dask cluster: the same function on the same segments, and so the same results.

The machines need the installed program, the stored files under the same path, and the master key there or in their
environment; no key goes over the network. They need no database: the worker that holds the job writes what comes back.
Several machines analyse a long video's segments at once, and the worker that holds the job joins them in order.
A machine that dies costs its chunk, a scheduler that dies costs the chunks under way, and a worker that dies costs what
was analysed ahead of the next chunk to be written.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from clinic.jobs import leases
from clinic.recordings import uploads
from clinic.recordings.uploads import StoredFile, StoredPlace
from clinic.settings import Settings
from clinic.worker.endings import StoppingError
from fer_core.errors import FerError, ModelError
from fer_core.media import video
from fer_core.media.passage import Span
from fer_core.media.source import Source
from fer_core.segments import Joiner, SegmentPart
from fer_core.types import AnalysisSettings, Chunk, Progress, RecordingAnalysis

if TYPE_CHECKING:
    from fer_core.analyzer import Analyzer

CONNECT_WITHIN_S, LOOK_WITHIN_S = 10.0, 3.0
POLL_S, LOOK_EVERY_S = 0.5, 0.05
"""How long one waits for an answer before looking whether the cluster lives, and for parts before looking again."""
MOST_LANES = 16
"""Most segments of one video that are analysed at once: results ahead of their turn stay in memory."""
FIRST_OF_ALL = 1000
"""Priority of pictures, before which there are at most the parts that machines are at already."""
LIVING = ("running", "connecting")
Opener = Callable[[], "Analyzer"]


def open_here() -> Analyzer:
    """Open the model of the machine that runs this: the one that its ``FER_MODEL`` names, or the shipped one."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Not at the top: the worker that holds the job never needs torch.
    from fer_core.analyzer import Analyzer

    return Analyzer.open(Settings.from_environment(make=False).model)


@cache
def _opened(open_analyzer: Opener) -> Analyzer:
    """Return this process's analyzer, opened at the first chunk."""
    return open_analyzer()


def next_part(
    open_analyzer: Opener,
    model_sha256: str,
    where: Path | StoredPlace,
    every_s: float,
    span: Span,
    resume: dict[str, Any] | None,
) -> SegmentPart:
    """Analyse one part of a video's segment; this runs on the cluster.

    Raises ModelError ``other_model`` where this machine has another model installed.
    """
    analyzer = _right(open_analyzer, model_sha256)
    # The decoder and its threads end here, not at the next garbage collection.
    with (
        _opened_source(where) as source,
        closing(analyzer.stream_segment(source, every_s, span, resume=resume)) as parts,
    ):
        return next(parts)


def picture(open_analyzer: Opener, model_sha256: str, where: Path | StoredPlace) -> RecordingAnalysis:
    """Analyse one picture; this runs on the cluster. Raises as `next_part` does."""
    analyzer = _right(open_analyzer, model_sha256)
    with _opened_source(where) as source:
        return analyzer.analyze_image(source)


def describe(open_analyzer: Opener) -> tuple[str, str, AnalysisSettings]:
    """Return which model a machine of the cluster has, where it runs it, and with which settings."""
    analyzer = _opened(open_analyzer)
    return analyzer.classifier.card.sha256, analyzer.classifier.device_name, analyzer.settings


def _right(open_analyzer: Opener, model_sha256: str) -> Analyzer:
    analyzer = _opened(open_analyzer)
    if analyzer.classifier.card.sha256 != model_sha256:
        raise ModelError("The cluster's machines don't have the same model installed.", "other_model")
    return analyzer


@contextmanager
def _opened_source(where: Path | StoredPlace) -> Iterator[Source]:
    """Open what `_where` described, on the machine that runs this."""
    if isinstance(where, Path):
        yield where
        return
    with uploads.open_place(where) as file:
        yield file


def _where(source: Source) -> Path | StoredPlace:
    """Return the description of a source for another machine. Raises ValueError for a file that lies nowhere."""
    if isinstance(source, Path):
        return source
    if isinstance(source, StoredFile):
        return source.place
    raise ValueError("only a path or a stored file can be found by another machine")


@dataclass(frozen=True, slots=True)
class _Card:
    sha256: str


@dataclass(frozen=True, slots=True)
class _Classifier:
    card: _Card
    device_name: str


class _Lane:
    """A segment that is worked out, one part after the other; `submit` asks the cluster for the part after `resume`."""

    def __init__(
        self, number: int, submit: Callable[[dict[str, Any] | None], Any], resume: dict[str, Any] | None
    ) -> None:
        self.number = number
        self._submit = submit
        self._future = submit(resume)
        self._parts: deque[SegmentPart] = deque()
        self._over = self._failed = False

    @property
    def ready(self) -> bool:
        """Whether `take` has something to give or to raise."""
        return bool(self._parts) or self._failed

    def advance(self) -> None:
        """Ask for the next part where one is there; what went wrong waits until its turn comes."""
        if self._over or self._failed or not self._future.done():
            return
        self._failed = self._future.status != "finished"
        if self._failed:
            return
        # A machine may die with what it has worked out: then another one does it again.
        with suppress(TimeoutError):
            part: SegmentPart = self._future.result(timeout=POLL_S)
            self._parts.append(part)
            self._over = part.end is not None
            if not self._over:
                self._future = self._submit(part.chunk.resume)

    def take(self) -> SegmentPart:
        """Return the next part, or raise what went wrong."""
        if self._failed and not self._parts:
            self._future.result(timeout=POLL_S)
        return self._parts.popleft()

    def drop(self) -> None:
        """Stop the cluster's work on it."""
        self._future.cancel()


class ClusterAnalyzer:
    """What a job asks of an analyzer, worked out on a cluster a part at a time.

    `lost`: the scheduler can't be reached any more; another one has to be opened.
    """

    def __init__(self, client: Any, open_analyzer: Opener = open_here) -> None:
        self._client = client
        self._open = open_analyzer
        self.lost = False
        sha256, device_name, self.settings = self._ask(describe, open_analyzer)
        self.classifier = _Classifier(_Card(sha256), f"cluster: {device_name}"[:64])

    def stream_video(
        self,
        source: Source,
        every_s: float = 0.2,
        on_progress: Callable[[Progress], None] | None = None,
        *,
        resume: dict[str, Any] | None = None,
    ) -> Iterator[Chunk]:
        """Yield the chunks that `Analyzer.stream_video` yields, several segments being worked out at once.

        Raises what that raises, StoppingError.
        """
        joiner = Joiner.of(source, every_s, self.settings.segment_s, resume)
        at = Progress(joiner.done_s, video.probe(source).duration_s, joiner.samples)
        lanes: deque[_Lane] = deque()
        try:
            while not joiner.over:
                self._keep_busy(lanes, joiner, source, every_s)
                part = self._next_of(lanes, partial(on_progress or (lambda _: None), at))
                chunk = joiner.join(part)
                at = replace(at, done_s=joiner.done_s, frames=joiner.samples)
                if on_progress is not None:
                    on_progress(at)
                yield chunk
        finally:
            for lane in () if self.lost else lanes:
                lane.drop()

    def _keep_busy(self, lanes: deque[_Lane], joiner: Joiner, source: Source, every_s: float) -> None:
        """Take the lane of a segment that is joined away, and begin more, so that each machine has one."""
        if lanes and lanes[0].number < joiner.segment:
            lanes.popleft()
        elif lanes:
            return
        first = lanes[-1].number + 1 if lanes else joiner.segment
        last = min(len(joiner.spans), joiner.segment + min(self._machines(), MOST_LANES))
        for number in range(first, last):
            inside = joiner.inside if number == joiner.segment else None
            lanes.append(_Lane(number, self._segment(source, every_s, joiner.spans[number], number), inside))

    def _segment(self, source: Source, every_s: float, span: Span, number: int) -> Callable[..., Any]:
        """Return what submits the next part of a segment; earlier segments go first."""
        fixed = (self._open, self.classifier.card.sha256, _where(source), every_s, span)
        return lambda resume: self._submit(-number, next_part, *fixed, resume)

    def _next_of(self, lanes: deque[_Lane], meanwhile: Callable[[], None]) -> SegmentPart:
        """Return the next part of the first lane, while all go on. Raises as `_ask` does."""
        with self._translated():
            while self._client.status in LIVING:
                meanwhile()
                for lane in lanes:
                    lane.advance()
                if lanes[0].ready:
                    return lanes[0].take()
                time.sleep(LOOK_EVERY_S)
        self._let_go()
        raise StoppingError

    def _machines(self) -> int:
        """Return how many parts can be worked on at once."""
        try:
            return max(1, sum(int(threads) for threads in self._client.nthreads().values()))
        except OSError:
            # The next question notices that the cluster is lost.
            return 1

    def analyze_video(self, source: Source, every_s: float = 0.2) -> RecordingAnalysis:
        """Return everything found in a short video."""
        chunks = list(self.stream_video(source, every_s))
        results = tuple(result for chunk in chunks for result in chunk.results)
        settings = replace(self.settings, every_s=every_s)
        return RecordingAnalysis(
            chunks[-1].info, results, self.classifier.card.sha256, settings, self.classifier.device_name
        )

    def analyze_image(self, source: Source) -> RecordingAnalysis:
        """Return the faces of a picture. Raises what `Analyzer.analyze_image` raises, StoppingError."""
        fixed = (self._open, self.classifier.card.sha256, _where(source))
        found: RecordingAnalysis = self._ask(picture, *fixed)
        return found

    def _ask(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Let the cluster do something before all else, and return what came of it.

        Raises StoppingError where the cluster is lost: nothing that is recorded is, and the job goes back to the queue;
        FerError ``worker_stopped`` for work that ends every process that tries.
        """
        future = self._submit(FIRST_OF_ALL, work, *arguments)
        try:
            with self._translated():
                while self._client.status in LIVING:
                    with suppress(TimeoutError):
                        return future.result(timeout=POLL_S)
        finally:
            if not self.lost:
                future.cancel()
        self._let_go()
        raise StoppingError

    def _submit(self, priority: int, work: Callable[..., Any], *arguments: Any) -> Any:
        # Not pure: a part that was lost is to be worked out again and not remembered.
        return self._client.submit(work, *arguments, pure=False, priority=priority)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Tell errors of the cluster from those of the work."""
        try:
            yield
        except Exception as error:
            if type(error).__name__ == "KilledWorker":
                raise FerError(leases.LOST_MESSAGE, leases.LOST_CODE) from None
            if not _is_the_cluster_s(error):
                raise
            self._let_go()
            raise StoppingError from None

    def _let_go(self) -> None:
        self.lost = True
        self._client.close(timeout=1)


def machines_at(address: str) -> int:
    """Return how many machines work for the scheduler at this address. Raises OSError where it doesn't answer."""
    from distributed import Client

    with Client(address, timeout=LOOK_WITHIN_S, set_as_default=False) as client:
        return len(client.nthreads())


def opener(address: str) -> Opener:
    """Return a function that opens an analyzer on the cluster at this scheduler's address."""

    def connect() -> Analyzer:
        # Optional: a clinic on one machine doesn't install it.
        from distributed import Client

        try:
            client = Client(address, timeout=CONNECT_WITHIN_S, set_as_default=False)
        except OSError:
            raise StoppingError from None
        return cast("Analyzer", ClusterAnalyzer(client))

    return connect


def _is_the_cluster_s(error: Exception) -> bool:
    """Return whether an error comes from the cluster's state, and not from the work that it was given."""
    return isinstance(error, CancelledError) or type(error).__module__.partition(".")[0] == "distributed"
