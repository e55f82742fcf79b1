"""Servers as copies of one process that has loaded the program: each start would otherwise load it again for seconds.

The copies are forked from a process that never ran a server, so that no test sees what another has left.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import pkgutil
import subprocess
import sys
import types
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

from sqlalchemy.orm import configure_mappers

ROOT = Path(__file__).parents[2]
PACKAGES = ("web", "web.api", "pages.views", "pages.charts")
AT_ITS_START = (
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "fsspec.implementations.local",
)
"""What a server loads by its name when it starts."""


def load():
    """Load what a server loads; nothing of it reads a setting of the clinic or starts a thread of Python's."""
    from streamlit.web import cli  # noqa: F401
    from streamlit.web.server.starlette import starlette_app  # noqa: F401

    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.iter_modules(package.__path__, f"{name}."):
            importlib.import_module(module.name)
    for module_name in AT_ITS_START:
        importlib.import_module(module_name)
    configure_mappers()
    # Streamlit has garbage collected after each run of a page; what is loaded is none.
    gc.collect()
    gc.freeze()


def serve(arguments, environment, log):
    """Run `streamlit` with these arguments, as a process that was started by itself would."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    from streamlit.web import cli

    sys.argv = ["streamlit", *arguments]
    cli.main(arguments, prog_name="streamlit")


class Copy:
    """A copy that serves, with those methods of `subprocess.Popen` that tests use."""

    _context = multiprocessing.get_context("forkserver")

    def __init__(self, arguments, environment, log):
        self._context.set_forkserver_preload(["tests.e2e.loaded"])
        self._process = self._context.Process(target=serve, args=(arguments, environment, str(log)))
        # Streamlit's AppTest leaves its script as this program's main module, which each copy would run first.
        with patch.dict(sys.modules, {"__main__": types.ModuleType("__main__")}):
            self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self):
        return self._process.exitcode

    def poll(self):
        return self._process.exitcode

    def wait(self, timeout=None):
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("the server", timeout)
        return self._process.exitcode

    def send_signal(self, number):
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self):
        self._process.terminate()
