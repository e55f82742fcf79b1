"""The command line of the measurements, for example ``python -m benchmarks video FILE``."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import following, live, months, readers, recording_page, video
from benchmarks.backlog import work_off
from benchmarks.cluster import throughput
from benchmarks.fuzz import fuzz
from benchmarks.identity import MADE, measure_file, measure_made
from benchmarks.kills import VICTIMS, campaign
from benchmarks.passing import measure as measure_passing
from benchmarks.simulate import HEAD, Clinic, simulate
from benchmarks.statements import table as table_of_statements
from benchmarks.ways import WAYS


def _add_jobs(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add what measures the jobs around the analysis."""
    deaths = commands.add_parser(
        "kills", help="kill the worker in the middle of jobs and compare with an undisturbed run"
    )
    for victim, what in VICTIMS.items():
        deaths.add_argument(f"--{victim}", type=int, default=0, metavar="N", help=f"kill {what} N times")
    deaths.add_argument("--seconds", type=int, default=120, help="length of the video of each job")
    deaths.add_argument("--seed", type=int, default=0)
    machines = commands.add_parser("cluster", help="seconds of video a second on Dask, with one machine and with more")
    machines.add_argument("--machines", type=int, nargs="+", default=[1, 2])
    machines.add_argument("--videos", type=int, default=1)
    machines.add_argument("--seconds", type=int, default=600, help="length of each video")
    week = commands.add_parser("simulate", help="how long recordings wait with so many workers, in a simulated week")
    week.add_argument("--pace", type=float, required=True, help="seconds of video that a worker does in a second")
    week.add_argument("--clinicians", type=int, required=True)
    week.add_argument("--workers", type=int, nargs="+", required=True)
    week.add_argument("--a-day", type=float, default=5.0, help="recordings of a clinician on a weekday")
    week.add_argument("--minutes", type=float, default=50.0, help="average length of a recording")
    week.add_argument("--rush", type=float, default=0.5, help="share that is handed in within the first hour")
    week.add_argument("--hours", type=float, default=8.0, help="over which the others come")
    passing = commands.add_parser("passing", help="how long pictures wait while a long video is analysed")
    passing.add_argument("--pictures", type=int, default=30)
    passing.add_argument("--seconds", type=int, default=3600, help="length of the video")
    pages = commands.add_parser("months", help="the pages of a clinic after years, in a server and a browser")
    pages.add_argument("--patients", type=int, default=500)
    pages.add_argument("--recordings", type=int, default=100, help="of each patient")
    pages.add_argument("--longest", type=int, default=300, help="recordings of one more patient")
    pages.add_argument("--rounds", type=int, default=3, help="of which the best counts")
    hour = commands.add_parser("recording-page", help="the page of a long recording, in a server and a browser")
    hour.add_argument("--minutes", type=float, default=60)
    hour.add_argument("--rounds", type=int, default=3)
    loaded = commands.add_parser("load", help="a server with windows and uploads, killed meanwhile")
    loaded.add_argument("--windows", type=int, default=50)
    loaded.add_argument("--uploads", type=int, default=30, help="at once")
    loaded.add_argument("--kills", type=int, default=3, help="of the server, of its worker, and ends by SIGTERM, each")
    loaded.add_argument("--mb", type=int, default=20, help="size of each file")
    loaded.add_argument("--fsync", type=float, default=0.0, help="seconds that the disk takes for each fsync")
    loaded.add_argument("--seed", type=int, default=0)
    pictures = commands.add_parser("queue", help="a queue of pictures, several workers, PostgreSQL")
    pictures.add_argument("--pictures", type=int, default=1000)
    pictures.add_argument("--workers", type=int, default=4)


def _kills(options: argparse.Namespace) -> None:
    for victim, what in VICTIMS.items():
        if times := getattr(options, victim):
            print(f"{what}:\n{campaign(victim, times, options.seconds, options.seed).table()}\n", flush=True)


def _cluster(options: argparse.Namespace) -> None:
    for count in options.machines:
        pace = throughput(count, options.videos, options.seconds)
        print(f"{count} Dask worker(s): {pace:.1f} s of video a second", flush=True)


def _queue(options: argparse.Namespace) -> None:
    print(work_off(options.pictures, options.workers).table())


def _add_engine(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add what measures the analysis itself, beyond its speed."""
    long_run = commands.add_parser("memory", help="memory and pace from the beginning of a long video to its end")
    long_run.add_argument("file", type=Path)
    long_run.add_argument("--every", type=float, default=0.2, help="seconds between samples (default: 0.2)")
    long_run.add_argument("--plot", type=Path, help="write the memory over the video as a picture")
    readers_cost = commands.add_parser(
        "readers", help="decoding in a process without rights, and in this one, in turns"
    )
    readers_cost.add_argument("file", type=Path)
    readers_cost.add_argument(
        "--every", type=float, default=0.0, help="seconds between samples; 0: every frame (default)"
    )
    readers_cost.add_argument("--rounds", type=int, default=5)
    truth = commands.add_parser("statistics", help="whether the pages' statements are true of simulated patients")
    truth.add_argument("--recordings", type=int, default=400, help="of each kind")
    truth.add_argument("--patients", type=int, default=200, help="of each kind")
    cameras_of = commands.add_parser("cameras", help="what other cameras make of the same faces")
    cameras_of.add_argument("--data", type=Path, required=True, help="fer2013.csv")
    cameras_of.add_argument("--faces", type=int, default=1200, help="so many of PublicTest (default: 1200)")
    thresholds = commands.add_parser("quality", help="what the thresholds of quality do")
    thresholds.add_argument("--data", type=Path, required=True, help="fer2013.csv")
    followed = commands.add_parser("following", help="each clip of a folder against MTCNN at every frame")
    followed.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    followed.add_argument("--every", type=float, nargs="+", default=[0.0, 0.2], help="seconds between samples")
    followed.add_argument("--cache", type=Path, metavar="FOLDER", help="keep MTCNN's boxes here for the next run")
    watched = commands.add_parser("live", help="the live view in a browser whose camera plays a clip")
    watched.add_argument("file", type=Path)
    watched.add_argument("--viewers", type=int, nargs="+", choices=(1, 2), default=[1, 2], help="at once")
    watched.add_argument("--seconds", type=float, default=20)
    watched.add_argument("--beside", type=Path, metavar="FILE", help="a video that is analysed at the same time")
    formats = commands.add_parser("precision", help="labels and time on each device and in each number format")
    formats.add_argument("--data", type=Path, required=True, help="fer2013.csv")


def _following(options: argparse.Namespace) -> None:
    found = []
    print(following.HEAD, flush=True)
    for folder in options.folders:
        for path in following.clips(folder):
            for one in following.measure(path, options.every, _ours, _reference, options.cache):
                found.append(one)
                print(following.row(one), flush=True)
    for every_s in options.every:
        print(following.summary(every_s, found))


def _ours(path: Path, every_s: float) -> dict[str, Any]:
    return video.run("ours", path, every_s) or {}


def _reference(path: Path, every_s: float) -> dict[str, Any]:
    return video.run("MTCNN frame by frame", path, every_s) or {}


def _readers(options: argparse.Namespace) -> None:
    print(readers.table(readers.measure(options.file, options.every, options.rounds)))


def _memory(options: argparse.Namespace) -> None:
    from benchmarks import memory

    marks = memory.watch(options.file, options.every)
    print(memory.table(marks))
    if options.plot:
        memory.plot(marks, options.plot)


def _quality(options: argparse.Namespace) -> None:
    from benchmarks import quality
    from fer_core.model.classifier import Classifier
    from train.data import PRIVATE_TEST, load

    print(quality.table(quality.steps(Classifier.load(), load(options.data).of(PRIVATE_TEST))))


def _cameras(options: argparse.Namespace) -> None:
    from benchmarks import cameras
    from fer_core.model.classifier import Classifier
    from train.data import PUBLIC_TEST, load

    faces = load(options.data).of(PUBLIC_TEST).pixels[: options.faces]
    for line in cameras.table(cameras.measured(Classifier.load(), faces)):
        print(line, flush=True)


def _precision(options: argparse.Namespace) -> None:
    from benchmarks import precision
    from train.data import PRIVATE_TEST, load

    print(precision.table(load(options.data).of(PRIVATE_TEST).pixels))


def _statistics(options: argparse.Namespace) -> None:
    for line in table_of_statements(options.recordings, options.patients):
        print(line, flush=True)


def _passing(options: argparse.Namespace) -> None:
    print(measure_passing(options.pictures, options.seconds).table())


def _simulate(options: argparse.Namespace) -> None:
    clinic = Clinic(options.clinicians, options.a_day, options.minutes * 60, options.rush, options.hours)
    print(HEAD)
    for workers in options.workers:
        print(simulate(clinic, workers, options.pace).row(workers))


def _months(options: argparse.Namespace) -> None:
    for line in months.table(months.measure(options.patients, options.recordings, options.longest, options.rounds)):
        print(line, flush=True)


def _recording_page(options: argparse.Namespace) -> None:
    for line in recording_page.table(recording_page.measure(options.minutes, options.rounds)):
        print(line, flush=True)


def _live(options: argparse.Namespace) -> None:
    for line in live.table(live.measure(options.file, options.viewers, options.seconds, options.beside)):
        print(line, flush=True)


def _load(options: argparse.Namespace) -> None:
    from benchmarks import load

    found = load.measure(options.windows, options.uploads, options.kills, options.mb, options.fsync, options.seed)
    for line in load.table(found):
        print(line, flush=True)


MORE = {
    "load": _load,
    "live": _live,
    "months": _months,
    "recording-page": _recording_page,
    "kills": _kills,
    "cluster": _cluster,
    "queue": _queue,
    "passing": _passing,
    "simulate": _simulate,
    "memory": _memory,
    "readers": _readers,
    "quality": _quality,
    "cameras": _cameras,
    "precision": _precision,
    "statistics": _statistics,
    "following": _following,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    clip = commands.add_parser("video", help="decoding, ours, and other ways, side by side")
    clip.add_argument("file", type=Path)
    clip.add_argument("--every", type=float, default=0.0, help="seconds between samples; 0: every frame (default)")
    clip.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    clip.add_argument("--json", type=Path, help="write the figures to this file too")
    mutations = commands.add_parser("fuzz", help="look at mutated files as an upload is looked at")
    mutations.add_argument("files", type=Path, nargs="+", help="small pictures and videos to mutate")
    mutations.add_argument("--count", type=int, default=10_000)
    mutations.add_argument("--seed", type=int, default=0)
    _add_jobs(commands)
    _add_engine(commands)
    identity = commands.add_parser("identity", help="count how often one person is taken for another")
    identity.add_argument("files", type=Path, nargs="*", help="real clips, beside the made ones")
    identity.add_argument("--every", type=float, default=0.0, help="seconds between samples; 0: every frame (default)")
    one = commands.add_parser("one", help="one way in this process (used by the others)")
    one.add_argument("way", choices=list(WAYS))
    one.add_argument("file", type=Path)
    one.add_argument("every", type=float)
    one.add_argument("out", type=Path)
    return parser


def main() -> None:
    """Run the command line."""
    options = _parser().parse_args()
    if options.command == "one":
        video.measure(options.way, options.file, options.every, options.out)
        return
    if options.command == "fuzz":
        for answer, count in fuzz(options.files, options.count, options.seed, print).most_common():
            print(f"{answer:<20}{count:>8}")
        return
    if options.command in MORE:
        MORE[options.command](options)
        return
    if options.command == "identity":
        found = [measure_made(name, options.every) for name in MADE]
        found += [measure_file(path, options.every) for path in options.files]
        print(f"{'clip':<24}{'people':>8}{'followed':>10}{'switches':>10}{'numbers':>9}")
        for clip in found:
            print(f"{clip.clip:<24}{clip.persons:>8}{clip.followed:>10.1%}{clip.switches:>10}{clip.numbers:>9}")
        return
    result = video.compare(options.file, options.every, options.ways)
    print(video.table(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
