"""Who works for an installation: its pages, its workers, and the scheduler of a cluster."""

from __future__ import annotations

from datetime import datetime

from clinic import clock
from clinic.admin.findings import Finding, Level
from clinic.settings import Settings
from clinic.worker_health import ALIVE_S, WorkerHealth, all_health
from fer_core import core_files
from storage import at_work


def scheduler(settings: Settings) -> Finding:
    """Return whether the cluster's scheduler answers, and has machines."""
    name, address = "cluster", settings.dask
    if address is None:
        return Finding(name, Level.OK, "No cluster is set: the workers run the analyses themselves.")
    try:
        from clinic.worker import cluster  # not at the top: it loads torch, which the pages don't need

        count = cluster.machines_at(address)
    except ModuleNotFoundError:
        remedy = "pip install -r requirements-cluster.txt, or unset FER_DASK."
        return Finding(name, Level.BROKEN, "FER_DASK is set, and the cluster's packages are missing.", remedy)
    except (OSError, ValueError):
        remedy = "Start expression-history-scheduler, and check FER_DASK and the firewall."
        return Finding(name, Level.BROKEN, f"The scheduler at {address} does not answer.", remedy)
    if count == 0:
        return Finding(
            name, Level.BROKEN, "The scheduler has no machine.", "Start expression-history-machine on each machine."
        )
    return Finding(name, Level.OK, f"The scheduler answers; {count} machines work for it.")


def pages(settings: Settings) -> Finding:
    """Return whether pages are open on the data folder, on any machine that shares it."""
    since = at_work.pages_since(settings.data_dir)
    if since is not None:
        return Finding("pages", Level.OK, f"The pages run; they were last started {age(since)}.")
    remedy = "Start them (expression-history-web, or `make run`); if they end again, their log says why."
    return Finding("pages", Level.WARNING, "The pages do not run.", remedy)


def workers(settings: Settings) -> Finding:
    """Return whether a worker reports, and what its last self-test found."""
    name, found = "analysis", all_health(settings)
    text = "; ".join(f"worker {number} {age(health.at)}" for number, health in found.items())
    if any(health.alive and health.store_away for health in found.values()):
        said = "A worker does not find the media store: what needs it waits, or is refused."
        return Finding(name, Level.BROKEN, said, NOT_THERE)
    for health in found.values():
        if health.alive and health.sound is False:
            return Finding(name, Level.WARNING, health.sentence or "The last self-test failed.", SELF_TEST)
    if any(health.alive for health in found.values()):
        return Finding(name, Level.OK, f"Workers reported: {text}. {_model(found)}".strip())
    remedy = f"Start the pages or a worker (one reports at least every {ALIVE_S:.0f} s); look at its log."
    said = f"No worker runs. The last report: {text}." if text else "No worker runs, and none has ever reported."
    return Finding(name, Level.WARNING, said, remedy)


def core_files_of(settings: Settings) -> Finding:
    """Return whether a crash of this process or a worker on this computer would leave its memory on the disk."""
    name = "core files"
    pids = [health.pid for health in all_health(settings).values() if health.alive]
    if any(map(core_files.may_leave, (None, *pids))):
        remedy = "Set LimitCORE=0 in its unit, or `ulimit -c 0` where it is started, and start it again."
        return Finding(name, Level.WARNING, "A crash would leave patients' data in a core file on the disk.", remedy)
    return Finding(name, Level.OK, "A crash leaves no core file.")


NOT_THERE = "Check FER_MEDIA_URL, and that its disk or share is mounted."
SELF_TEST = "Run `selftest`: it names what is wrong. A model or package may have to be installed again."


def _model(found: dict[int, WorkerHealth]) -> str:
    models = {f"{health.model_sha256[:8]} on {health.device}" for health in found.values() if health.model_sha256}
    return f"Model {', '.join(sorted(models))}." if models else ""


def age(at: datetime) -> str:
    """Return how long ago something was."""
    seconds = abs((clock.now() - at).total_seconds())
    return f"{seconds:.0f} s ago" if seconds < 3600 else f"{seconds / 3600:.0f} hours ago"
