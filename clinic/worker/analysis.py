"""One claimed analysis, from its files to rows, a summary and an ended job, whatever happens in between."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING, Any, BinaryIO

from clinic import clock
from clinic.consent import consent
from clinic.consent.consent import ConsentError
from clinic.jobs import candidates, chunks, jobs, kept_faces, leases, previews, tracks
from clinic.jobs.chunks import Cursor
from clinic.jobs.leases import Claim, ControlRequest, LeaseLostError
from clinic.patients.doubts import ASKED
from clinic.recordings import stored_files, uploads
from clinic.settings import Settings
from clinic.version import VERSION
from clinic.worker.endings import StoppingError, clear, end_early, may_keep, uploads_of
from db.engine import Database
from db.models import JobState, Recording, RecordingKind
from db.room import DiskFullError, disk_full
from fer_core.errors import Cancelled, FerError, MediaError
from fer_core.media import video
from fer_core.media.passage import BookmarkError
from fer_core.types import RGB, Box, FaceExpression, FrameResult, Progress, VideoInfo

if TYPE_CHECKING:
    from fer_core.analyzer import Analyzer

PROGRESS_EVERY_S = 0.5
PREVIEW_EVERY_S = 1.0
THUMBNAIL_FRAME_PX = 1280
VIEWS, VIEWS_PASS_S = 8, 600.0
"""So many pictures of a face show it along the video. A shorter video than this is read again to make them."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Reporter:
    """Writes an analysis's progress to the job's row, seldom enough, and stops the analysis when asked to.

    `stopping` says whether the worker ends; `alive` is called at every sign of life; `aside` after every write, to do
    what can't wait for the end of this analysis; `written` counts the writes.
    """

    db: Database
    claimed: Claim
    stopping: Callable[[], bool] = lambda: False
    alive: Callable[[], None] = lambda: None
    aside: Callable[[Claim], None] = lambda _: None
    every_s: float = PROGRESS_EVERY_S
    written: int = field(default=0, init=False)
    _last: float = field(default=float("-inf"), init=False)

    def __call__(self, at: Progress) -> None:
        """Report. Raises Cancelled, StoppingError, LeaseLostError."""
        self.alive()
        if self.stopping():
            raise StoppingError
        if time.monotonic() - self._last < self.every_s:
            return
        self._last = time.monotonic()
        self.written += 1
        asked_for = leases.progress(self.db, self.claimed, at)
        if asked_for is ControlRequest.CANCEL:
            raise Cancelled
        if asked_for is ControlRequest.PAUSE:
            raise StoppingError
        self.aside(self.claimed)


def run(
    db: Database,
    settings: Settings,
    claimed: Claim,
    open_analyzer: Callable[[], Analyzer],
    report: Callable[[Progress], None],
) -> bool:
    """Analyse the claimed job and end it: done, waiting for a choice, failed with a sentence, cancelled or released.

    Return False where the media store is not there, so that the job was put back. The files are deleted, unless they
    may be kept, or the failure is not theirs and another try may help.
    Raises DiskFullError where there is no room to write; the job is this worker's still, and goes on at its last chunk.
    """
    try:
        chosen = _Run(db, settings, claimed, open_analyzer(), report).to_end()
    except LeaseLostError as lost:
        # Taken over: the files are the other worker's. Deleted with its recording: nobody needs them.
        if lost.job_gone:
            clear(settings, claimed)
    except (StoppingError, FerError, Exception) as error:
        if disk_full(error):
            raise DiskFullError from error
        lacks_store = _store_is_lost(db, settings, claimed, error)
        if lacks_store:
            error = StoppingError()
        end_early(db, settings, claimed, error)
        return not lacks_store
    else:
        if not may_keep(db, settings, claimed):
            uploads.discard(settings, uploads_of(claimed))
        if chosen is not None:
            kept_faces.keep(db, settings, claimed.recording_id, chosen)
            previews.keep_patient(settings, claimed.recording_id, chosen)
    return True


def _store_is_lost(db: Database, settings: Settings, claimed: Claim, error: Exception) -> bool:
    """Return whether an analysis failed because its file can't be reached, here or on another machine that analyses."""
    if isinstance(error, (StoppingError, Cancelled, ConsentError)):
        return False
    if isinstance(error, FerError) and error.code == "upload_gone" and uploads.stored(settings, uploads_of(claimed)):
        log.error("a machine that analyses does not find the files: check FER_MEDIA_URL and the mount there")
        return True
    with db.read() as session:
        return stored_files.is_away(session, settings, uploads_of(claimed))


@dataclass(slots=True)
class _Run:
    """The work on one job: what it needs at hand, and what it remembers from chunk to chunk."""

    db: Database
    settings: Settings
    claimed: Claim
    analyzer: Analyzer
    report: Callable[[Progress], None]
    _cursor: Cursor = field(init=False)
    _previewed: float = field(default=float("-inf"), init=False)
    _best: dict[int, float] = field(default_factory=dict, init=False)
    """The quality of the thumbnail that each track has: the box's area times the detector's confidence."""

    def to_end(self) -> list[int] | None:
        """Analyse, write everything and end the job; return the patient's tracks, None where a face must be chosen."""
        if not uploads.stored(self.settings, uploads_of(self.claimed)):
            raise FerError("The uploaded file does not exist any more. Please upload it again.", "upload_gone")
        self._ask_consent()
        self._take_up()
        if self.claimed.kind == RecordingKind.PICTURES:
            made = self._pictures(uploads_of(self.claimed))
        else:
            with uploads.open_stored(self.settings, self.claimed.sources[0]["id"]) as file:
                made = self._video(file)
                self._picture_the_others(file, made["duration_s"])
        with leases.held(self.db, self.claimed) as session:
            recording = session.get_one(Recording, self.claimed.recording_id)
            for name, value in {**made, **_made_with(self.analyzer)}.items():
                setattr(recording, name, value)
            # What was asked for is kept; the analyzer adds its other settings.
            recording.settings = {**_set_to(self.analyzer), **recording.settings}
            recording.analysed_at = clock.now()
            choosing = not tracks.choose_automatically(session, recording)
            chosen = tracks.chosen_of(recording)
            ended = JobState.PARTIAL if recording.partial else JobState.DONE
            frames = tracks.moments(session, self.claimed.recording_id)
            leases.finish(session, self.claimed, JobState.CHOOSING if choosing else ended, frames)
        return chosen

    def _take_up(self) -> None:
        """Go on where another worker stopped, unless that one worked with another model, settings or program."""
        if self.claimed.model_sha256 != self.analyzer.classifier.card.sha256:
            # The model that was asked for is no longer installed: the result and its key are the present one's.
            jobs.ask_for_model(self.db, self.claimed, self.analyzer.classifier.card.sha256)
        made_with = _made_with(self.analyzer) | {"device": "", "settings": _set_to(self.analyzer)}
        found = chunks.cursor_of(self.claimed)
        if found is None or found.made_with != made_with:
            self._restart(made_with)
            return
        self._cursor = found
        self._best = {int(track): worth for track, worth in found.carry["best"].items()}

    def _restart(self, made_with: dict[str, Any]) -> None:
        if self.claimed.cursor is not None:
            chunks.restart(self.db, self.claimed)
        self._cursor, self._best = Cursor(made_with), {}

    def _ask_consent(self) -> None:
        """Refuse to go on where the patient's consent ended meanwhile. Raises ConsentError."""
        with self.db.read() as session:
            consent.need(session, self.claimed.patient_id, *consent.ANALYSIS)

    def _write(self, results: Sequence[FrameResult], carry: dict[str, Any], worked_s: float) -> None:
        """Write a chunk; `carry` is what the next one needs, apart from the thumbnails' qualities."""
        carry = {**carry, "best": {str(track): worth for track, worth in self._best.items()}}
        self._cursor = chunks.write(self.db, self.claimed, self._cursor, results, carry, worked_s)

    def _video(self, file: BinaryIO) -> dict[str, Any]:
        """Stream the video into rows, a chunk a transaction; return what the recording then knows of itself."""
        try:
            self._stream(file)
        except BookmarkError:
            log.warning("recording %s is analysed again: its place was not found", self.claimed.recording_id)
            self._restart(self._cursor.made_with)
            self._stream(file)
        if not self._cursor.chunks:
            raise MediaError("The video contains no readable picture.", "no_pictures")
        known: dict[str, Any] = self._cursor.carry["known"]
        return known

    def _stream(self, file: BinaryIO) -> None:
        """Write the chunks that are missing."""
        resume = self._cursor.carry.get("resume")
        if self._cursor.chunks and resume is None:
            return
        begun = time.monotonic()
        for chunk in self.analyzer.stream_video(file, self.claimed.every_s, self.report, resume=resume):
            if chunk.preview is not None:
                self._show(chunk.preview.time_s, chunk.preview.rgb, chunk.preview.faces)
                for one in chunk.preview.faces:
                    self._keep_view(one.face.track, chunk.preview.rgb, one.face.box, chunk.preview.time_s)
            lost = chunk.damaged_frames + chunk.skipped_frames
            known = _known_of(chunk.info) | {"damaged_frames": lost, "partial": chunk.partial}
            self._write(chunk.results, {"resume": chunk.resume, "known": known}, time.monotonic() - begun)
            self._ask_consent()
            begun = time.monotonic()

    def _pictures(self, upload_ids: list[str]) -> dict[str, Any]:
        """Analyse one picture after the other, each a chunk; a picture's number stands for its index and its time.

        Pictures have no common time, so nobody can be followed: each face of each picture has a track of its own.
        """
        for number, upload_id in list(enumerate(upload_ids))[self._cursor.chunks :]:
            self.report(Progress(float(number), float(len(upload_ids)), number))
            self._ask_consent()
            begun = time.monotonic()
            with uploads.open_stored(self.settings, upload_id) as file:
                analysis = self.analyzer.analyze_image(file)
            (result,) = analysis.results
            begin = self._cursor.carry.get("next_track", 0)
            next_track = begin + len(result.faces)
            numbers = range(begin, next_track)
            faces = _with_tracks(result.faces, numbers)
            result = replace(result, index=number, time_s=float(number), faces=faces)
            if analysis.preview is not None:
                self._show(float(number), analysis.preview.rgb, _with_tracks(analysis.preview.faces, numbers))
            bits = [*self._cursor.carry.get("bits", ()), analysis.info.bits_per_pixel or 0.0]
            known = {} if len(upload_ids) > 1 else _known_of(analysis.info)
            known["bits_per_pixel"] = median(bits) or None
            lost = self._cursor.carry.get("known", {}).get("damaged_frames", 0)
            known["damaged_frames"] = lost + analysis.skipped_frames
            self._write([result], {"next_track": next_track, "known": known, "bits": bits}, time.monotonic() - begun)
        self.report(Progress(float(len(upload_ids)), float(len(upload_ids)), len(upload_ids)))
        found: dict[str, Any] = self._cursor.carry["known"]
        return found

    def _picture_the_others(self, file: BinaryIO, duration_s: float | None) -> None:
        """Make thumbnails of the faces to choose among, or to keep, that no preview showed, in another pass."""
        missing = self._missing_pictures(duration_s)
        try:
            self._picture(missing, file, duration_s)
        except MediaError:
            # The results exist, and a face without a picture can be chosen too.
            log.warning("some faces have no pictures for the choice: the file could not be read a second time")

    def _picture(
        self, missing: dict[int, list[tuple[int, Box, float | None]]], file: BinaryIO, duration_s: float | None
    ) -> None:
        if not missing:
            return
        for samples, frame in enumerate(video.frames(file, self.claimed.every_s, THUMBNAIL_FRAME_PX), start=1):
            if not missing:
                return
            self.report(Progress(duration_s or frame.time_s, duration_s, samples))
            for track, box, at_s in missing.pop(frame.index, ()):
                self._keep_view(track, frame.rgb, box.scaled(frame.scale), at_s)

    def _missing_pictures(self, duration_s: float | None) -> dict[int, list[tuple[int, Box, float | None]]]:
        """Return by frame which faces are to be pictured in it: their track, box in px, and second (None: the best)."""
        recording_id = self.claimed.recording_id
        missing: dict[int, list[tuple[int, Box, float | None]]] = {}
        with self.db.read() as session:
            asked = candidates.candidates(session, self.settings, recording_id)
            choice = len(asked) > 1 or session.get_one(Recording, recording_id).settings.get(ASKED)
            if not choice and kept_faces.wanted(session, self.settings, recording_id) is None:
                return {}
            best = candidates.best_views(session, recording_id)
            for face in asked:
                if face.thumbnail is None and face.track in best:
                    index, box = best[face.track]
                    missing.setdefault(index, []).append((face.track, box, None))
                if duration_s is None or duration_s <= VIEWS_PASS_S:
                    for index, at_s, box in candidates.spread_views(session, recording_id, face.track, VIEWS):
                        missing.setdefault(index, []).append((face.track, box, at_s))
        return missing

    def _keep_view(self, track: int, rgb: RGB, box: Box, at_s: float | None) -> None:
        previews.write_thumbnail(self.settings, self.claimed.recording_id, track, rgb, box, at_s)

    def _show(self, time_s: float, rgb: RGB, faces: Sequence[FaceExpression]) -> None:
        """Keep the picture as the preview, seldom enough, and the best view of each face as its thumbnail."""
        several = len(self._best.keys() | {one.face.track for one in faces}) > 1
        if time.monotonic() - self._previewed >= PREVIEW_EVERY_S:
            self._previewed = time.monotonic()
            previews.write_preview(self.settings, self.claimed.recording_id, time_s, rgb, faces, several)
        for expression in faces:
            face = expression.face
            worth = face.box.area * face.confidence
            if worth > self._best.get(face.track, 0.0):
                self._best[face.track] = worth
                previews.write_thumbnail(self.settings, self.claimed.recording_id, face.track, rgb, face.box)


def _known_of(info: VideoInfo) -> dict[str, Any]:
    """Return what a recording keeps of its file."""
    return {
        "duration_s": info.duration_s,
        "width_px": info.width_px,
        "height_px": info.height_px,
        "codec": info.codec[:32] or None,
        "bits_per_pixel": info.bits_per_pixel,
    }


def _made_with(analyzer: Analyzer) -> dict[str, Any]:
    """Return what a recording keeps of how its results were made."""
    return {
        "model_sha256": analyzer.classifier.card.sha256,
        "device": analyzer.classifier.device_name,
        "program_version": VERSION,
    }


def _set_to(analyzer: Analyzer) -> dict[str, Any]:
    """Return the analyzer's settings that no job asks for."""
    return {name: value for name, value in asdict(analyzer.settings).items() if name != "every_s"}


def _with_tracks(faces: Sequence[FaceExpression], numbers: Sequence[int]) -> tuple[FaceExpression, ...]:
    """Return the faces of one picture under these tracks."""
    return tuple(replace(one, face=replace(one.face, track=track)) for one, track in zip(faces, numbers, strict=True))
