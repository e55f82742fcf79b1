"""A cluster gives what this machine gives, chunk by chunk, and what becomes of it costs no result."""

from datetime import date

import numpy as np
import pytest

from clinic.jobs import jobs, leases, progress
from clinic.worker import analysis, cluster
from clinic.worker.analysis import StoppingError
from clinic.worker.cluster import ClusterAnalyzer
from clinic.worker.selftest import write_clip
from db.models import JobState
from fer_core.analyzer import Analyzer
from fer_core.errors import Cancelled, FerError, MediaError, ModelError
from fer_core.types import AnalysisSettings
from tests.fakes import FakeClassifier, FakeDetector, face_at
from tests.media import scene

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


SEGMENT_S = 12.0


def open_fake():
    """The analyzer of a machine: its face lies where the picture says."""
    detector = FakeDetector(lambda rgb: [face_at(100 + int(rgb.sum()) % 20, 40)])
    return Analyzer(FakeClassifier(), detector, AnalysisSettings(segment_s=SEGMENT_S))


@pytest.fixture(scope="module")
def client():
    """A cluster of two machines, in this process."""
    from distributed import Client

    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "set_as_default": False}
    with Client(processes=False, **options) as opened:
        yield opened


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """35 s at 4 frames a second."""
    path = tmp_path_factory.mktemp("clip") / "v.mp4"
    write_clip(path, [np.roll(scene(), number, axis=1) for number in range(140)], 4)
    return path


def test_chunks_are_those_of_this_machine(client, clip):
    here = list(open_fake().stream_video(clip, 0.5))
    there = list(ClusterAnalyzer(client, open_fake).stream_video(clip, 0.5))
    assert [chunk.results for chunk in there] == [chunk.results for chunk in here]
    assert [chunk.resume for chunk in there] == [chunk.resume for chunk in here]
    assert [chunk.results[-1].time_s for chunk in there] == [10.0, 11.5, 22.0, 32.0, 34.5], "cut at 12 s"
    rest = list(ClusterAnalyzer(client, open_fake).stream_video(clip, 0.5, resume=here[1].resume))
    assert [chunk.results for chunk in rest] == [chunk.results for chunk in here[2:]]


def test_progress_is_reported_and_may_cancel(client, clip):
    reported = []

    def report(at):
        reported.append(at)
        if at.frames > 30:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(ClusterAnalyzer(client, open_fake).stream_video(clip, 0.5, report))
    assert reported[0].share == 0.0
    assert reported[-1].done_s == pytest.approx(22.0)


def test_what_is_wrong_with_a_file_is_said_as_here(client, tmp_path):
    analyzer = ClusterAnalyzer(client, open_fake)
    (tmp_path / "v.mp4").write_text("a letter")
    with pytest.raises(MediaError):
        list(analyzer.stream_video(tmp_path / "v.mp4"))
    with pytest.raises(MediaError):
        analyzer.analyze_image(tmp_path / "v.mp4")


def test_another_model_on_a_machine_is_refused(client, clip):
    analyzer = ClusterAnalyzer(client, open_fake)
    analyzer.classifier = cluster._Classifier(cluster._Card("another"), "")
    with pytest.raises(ModelError) as refusal:
        list(analyzer.stream_video(clip))
    assert refusal.value.code == "other_model"


def test_a_job_is_done_on_the_cluster(db, settings, patient, an_upload, client, clip, who):
    upload = an_upload("video", clip.read_bytes())
    asked = jobs.enqueue(db, settings, who, patient, [upload], date(2026, 1, 1), model_sha256="f" * 64)
    claimed = leases.claim(db)
    report = analysis.Reporter(db, claimed, every_s=0)
    analysis.run(db, settings, claimed, lambda: ClusterAnalyzer(client, open_fake), report)
    status = progress.status(db, who, asked.recording_id)
    assert (status.state, status.frames) == (JobState.DONE, 140)


class Broken:
    """A client whose cluster goes away, or that gives an error back, at the n-th question."""

    def __init__(self, client, error, at):
        self.client, self.error, self.at = client, error, at
        self.status, self.closed = "running", False

    def nthreads(self):
        return {"one": 1}

    def submit(self, *arguments, **options):
        self.at -= 1
        return self.client.submit(*arguments, **options) if self.at >= 0 else BrokenFuture(self)

    def close(self, timeout):
        self.closed = True


class BrokenFuture:
    """What such a client gives for its answer."""

    status = "error"

    def __init__(self, broken):
        self.broken = broken

    def done(self):
        if self.broken.error is None:
            self.broken.status = "closed"
        return self.broken.error is not None

    def result(self, timeout):
        raise self.broken.error

    def cancel(self):
        pass


def lost_errors():
    from distributed.client import FutureCancelledError
    from distributed.comm import CommClosedError

    return [None, CommClosedError("gone"), FutureCancelledError("key", "lost dependencies")]


@pytest.mark.parametrize("error", lost_errors(), ids=["closed", "comm", "cancelled"])
def test_a_lost_cluster_sends_the_job_back_with_its_chunks(db, settings, patient, an_upload, client, clip, error, who):
    upload = an_upload("video", clip.read_bytes())
    asked = jobs.enqueue(db, settings, who, patient, [upload], date(2026, 1, 1), model_sha256="f" * 64)
    claimed = leases.claim(db)
    broken = Broken(client, error, at=3)
    analyzer = ClusterAnalyzer(broken, open_fake)
    analysis.run(db, settings, claimed, lambda: analyzer, analysis.Reporter(db, claimed, every_s=0))
    assert progress.status(db, who, asked.recording_id).state is JobState.QUEUED
    assert (analyzer.lost, broken.closed) == (True, True)
    again = leases.claim(db)
    assert again.cursor["chunks"] == 2
    analysis.run(db, settings, again, lambda: ClusterAnalyzer(client, open_fake), analysis.Reporter(db, again))
    assert progress.status(db, who, asked.recording_id).state is JobState.DONE


def test_work_that_ends_every_machine_fails_with_a_sentence(client, clip):
    class KilledWorker(Exception):
        pass

    analyzer = ClusterAnalyzer(Broken(client, KilledWorker(), at=1), open_fake)
    with pytest.raises(FerError) as refusal:
        list(analyzer.stream_video(clip))
    assert refusal.value.code == leases.LOST_CODE


def test_an_error_of_the_work_is_not_the_cluster_s(client, clip):
    analyzer = ClusterAnalyzer(Broken(client, FileNotFoundError("not shared"), at=1), open_fake)
    with pytest.raises(FileNotFoundError):
        list(analyzer.stream_video(clip))
    assert not analyzer.lost


def test_without_a_scheduler_the_job_waits(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_WITHIN_S", 0.2)
    with pytest.raises(StoppingError):
        cluster.opener("tcp://127.0.0.1:9")()
