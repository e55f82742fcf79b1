"""What the web process opens, and whether it starts a worker beside itself."""

import pytest

from clinic.worker.supervisor import Supervisor
from fer_core.errors import FerError
from storage import at_work
from web.resources import resources


@pytest.mark.parametrize(("own_worker", "started"), [("1", True), ("0", False)])
def test_a_worker_is_started_unless_workers_run_on_their_own(tmp_path, monkeypatch, own_worker, started):
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FER_OWN_WORKER", own_worker)
    asked = []
    monkeypatch.setattr(Supervisor, "ensure", lambda supervisor: asked.append(supervisor))
    parts = resources()
    assert asked == ([parts.supervisor] if started else [])
    with pytest.raises(FerError, match="is running"), at_work.nobody(tmp_path / "data"):
        pass
    parts.db.close()
