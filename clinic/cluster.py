"""Analysis on the machines of a Dask cluster: the same function on the same chunks, and so the same results.

The machines need the installed program, the stored files under the same path, and the master key there or in their
environment; no key goes over the network. They need no database: what comes back is written by whoever holds the job.
A machine that dies costs its chunk, a scheduler that dies the chunks that are under way.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from clinic import leases, uploads
from clinic.analysis import StoppingError
from clinic.uploads import Place, StoredFile
from fer_core import video
from fer_core.errors import FerError, ModelError
from fer_core.source import Source
from fer_core.types import AnalysisSettings, Chunk, Progress, RecordingAnalysis

if TYPE_CHECKING:
    from fer_core.analyzer import Analyzer

CONNECT_WITHIN_S = 10.0
POLL_S = 0.5
"""How often whoever waits for a chunk renews the lease and hears whether the analysis shall be cancelled."""
Opener = Callable[[], "Analyzer"]


def open_here() -> Analyzer:
    """Open the installed model on the machine that runs this."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Not at the top: whoever holds the job never needs torch.
    from fer_core.analyzer import Analyzer

    return Analyzer.open()


@cache
def _opened(open_analyzer: Opener) -> Analyzer:
    """Return this process's analyzer, opened at the first chunk."""
    return open_analyzer()


def next_chunk(
    open_analyzer: Opener, model_sha256: str, where: Path | Place, every_s: float, resume: dict[str, Any] | None
) -> Chunk:
    """Work out one chunk of a video: what runs on the cluster.

    Raises ModelError ``other_model`` where this machine has another model installed.
    """
    analyzer = _right(open_analyzer, model_sha256)
    with _opened_source(where) as source:
        chunks = analyzer.stream_video(source, every_s, resume=resume)
        try:
            return next(chunks)
        finally:
            # The decoder and its threads end here and not when memory happens to be tidied.
            cast("Any", chunks).close()


def picture(open_analyzer: Opener, model_sha256: str, where: Path | Place) -> RecordingAnalysis:
    """Work out one picture: what runs on the cluster. Raises as `next_chunk` does."""
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
        raise ModelError("The machines of the cluster don't have the same model installed.", "other_model")
    return analyzer


@contextmanager
def _opened_source(where: Path | Place) -> Iterator[Source]:
    """Open what `_where` told of, on the machine that runs this."""
    if isinstance(where, Path):
        yield where
        return
    with uploads.open_place(where) as file:
        yield file


def _where(source: Source) -> Path | Place:
    """Return what another machine is told of a source. Raises ValueError for a file that lies nowhere."""
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


class ClusterAnalyzer:
    """What a job asks of an analyzer, worked out on a cluster a chunk at a time.

    `lost`: the scheduler can't be reached any more; another one has to be opened.
    """

    def __init__(self, client: Any, open_analyzer: Opener = open_here) -> None:
        self._client = client
        self._open = open_analyzer
        self.lost = False
        sha256, device_name, self.settings = self._ask(lambda: None, describe, open_analyzer)
        self.classifier = _Classifier(_Card(sha256), f"cluster: {device_name}"[:64])

    def stream_video(
        self,
        source: Source,
        every_s: float = 0.2,
        on_progress: Callable[[Progress], None] | None = None,
        *,
        resume: dict[str, Any] | None = None,
    ) -> Iterator[Chunk]:
        """Yield the chunks that `Analyzer.stream_video` yields. Raises what that raises, StoppingError."""
        tell = on_progress or (lambda _: None)
        total_s = video.probe(source).duration_s
        at = Progress(
            0.0 if resume is None else resume["position"]["time_s"], total_s, (resume or {}).get("samples", 0)
        )
        while True:
            chunk: Chunk = self._ask(
                partial(tell, at), next_chunk, self._open, self.classifier.card.sha256, _where(source), every_s, resume
            )
            if chunk.results:
                at = replace(at, done_s=chunk.results[-1].time_s, frames=at.frames + len(chunk.results))
            tell(at)
            yield chunk
            resume = chunk.resume
            if resume is None:
                return

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
        found: RecordingAnalysis = self._ask(
            lambda: None, picture, self._open, self.classifier.card.sha256, _where(source)
        )
        return found

    def _ask(self, meanwhile: Callable[[], None], work: Callable[..., Any], *arguments: Any) -> Any:
        """Let the cluster do something and return what came of it; `meanwhile` is called now and then.

        What `meanwhile` raises ends the work. Raises StoppingError where the cluster is lost: nothing that is recorded
        is, and the job goes back to the queue; FerError ``worker_stopped`` for work that ends every process that tries.
        """
        # Not pure: a chunk that was lost is to be worked out again and not remembered.
        future = self._client.submit(work, *arguments, pure=False)
        try:
            while self._client.status in ("running", "connecting"):
                meanwhile()
                with suppress(TimeoutError):
                    return future.result(timeout=POLL_S)
        except Exception as error:
            if type(error).__name__ == "KilledWorker":
                raise FerError(leases.LOST_MESSAGE, leases.LOST_CODE) from None
            if not _is_the_cluster_s(error):
                raise
        finally:
            future.cancel()
        self._let_go()
        raise StoppingError

    def _let_go(self) -> None:
        self.lost = True
        self._client.close(timeout=1)


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
    """Return whether an error tells of the cluster's state, and not of the work that it was given."""
    return isinstance(error, CancelledError) or type(error).__module__.partition(".")[0] == "distributed"
