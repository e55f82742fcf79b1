"""The processes that read files: started with nothing but a socket, ended and waited for by their parent process.

On Linux one server per process, prepared once, copies itself for each file; elsewhere each is started by itself.
"""

from __future__ import annotations

import atexit
import os
import socket
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from fer_core.errors import FerError

STARTED_WITHIN_S = 120.0
"""Loading FFmpeg takes half a second, and much longer from a slow disk."""
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""One thread, so that the server can be copied; less address space for each thread of a copy."""
_REQUEST, _REPLY = struct.Struct(">cI"), struct.Struct(">i")
_WINDOWS_NEEDS = ("SystemRoot",)


class ReaderError(FerError):
    """The process that reads files can't be started: the cause is the installation, not a file."""

    code = "reader_missing"

    def __init__(self) -> None:
        super().__init__(
            "The part of this program that reads files can't be started. Please install the program again."
        )


class Server:
    """A process that starts others; `program` is what it runs as Python, given the descriptor of its socket."""

    def __init__(self, program: str = "from fer_core.decoder.server import main; main({link})") -> None:
        self._program = program
        self._lock = threading.Lock()
        self._owner = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def prepare(self) -> None:
        """Start the server for a file that comes soon; it loads what it needs while the caller goes on."""
        with self._lock, suppress(OSError):
            self._running()

    def start(self, link: socket.socket, cpu_s: int, memory: int | None = None) -> int:
        """Start a process that answers on this socket; return its id. Raises ReaderError.

        `memory`: the descriptor of what it shows frames in.
        """
        lent = [link.fileno()] if memory is None else [link.fileno(), memory]
        with self._lock:
            for _ in range(2):
                # A server that was ended, by the system for want of memory perhaps, is started again.
                with suppress(OSError, EOFError):
                    return self._ask(b"S", cpu_s, lent)
                self._stop()
        raise ReaderError

    def end(self, process: int) -> int | None:
        """End a process where it still runs; return its exit code, less than 0: the signal, None: not known."""
        with self._lock:
            if self._owner != os.getpid() or self._control is None:
                return None
            with suppress(OSError, EOFError):
                return self._ask(b"E", process, [])
            self._stop()
        return None

    def stop(self) -> None:
        """End the server, and with it every process that it started."""
        with self._lock:
            self._stop()

    def _ask(self, kind: bytes, number: int, descriptors: list[int]) -> int:
        control = self._running()
        socket.send_fds(control, [_REQUEST.pack(kind, number)], descriptors)
        reply = control.recv(_REPLY.size)
        if len(reply) < _REPLY.size:
            raise EOFError
        return int(_REPLY.unpack(reply)[0])

    def _running(self) -> socket.socket:
        if self._control is not None and self._owner == os.getpid():
            return self._control
        # In a copy of the process that started it, the server is that one's.
        self._process, self._owner = None, os.getpid()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(STARTED_WITHIN_S)
        with theirs:
            program = self._program.format(link=theirs.fileno())
            self._process = _python(program, pass_fds=(theirs.fileno(),))
        self._control = ours
        return ours

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None and self._owner == os.getpid():
            self._process.kill()
            self._process.wait()
        self._control = self._process = None


class Alone:
    """Starts each process by itself; it takes half a second."""

    def __init__(self) -> None:
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def prepare(self) -> None:
        """Do nothing: each process is started when there is a file for it."""

    def start(self, link: socket.socket, cpu_s: int, memory: int | None = None) -> int:  # noqa: ARG002 as of Server
        """Start a process that answers on this socket; return its id. Raises ReaderError."""
        program = "from fer_core.decoder.alone import main; main({link}, {cpu_s})"
        try:
            if sys.platform == "win32":
                process = _python(program.format(link=None, cpu_s=cpu_s), stdin=subprocess.PIPE)
                assert process.stdin is not None
                with process.stdin as given:
                    given.write(link.share(process.pid))
            else:
                descriptor = link.fileno()
                process = _python(program.format(link=descriptor, cpu_s=cpu_s), pass_fds=(descriptor,))
        except OSError:
            raise ReaderError from None
        self._running[process.pid] = process
        return process.pid

    def end(self, process: int) -> int | None:
        """End a process where it still runs; return its exit code, less than 0: the signal."""
        ended = self._running.pop(process)
        ended.kill()
        return ended.wait()

    def stop(self) -> None:
        """End every process that it started."""
        for process in list(self._running):
            self.end(process)


def _python(program: str, stdin: int = subprocess.DEVNULL, pass_fds: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
    """Run Python without this process's environment, which may hold keys, but with its import path."""
    root = str(Path(__file__).parents[2])
    places = [root, *(str(Path(place).absolute()) for place in sys.path if place)]
    return subprocess.Popen(
        [sys.executable, "-I", "-c", f"import sys; sys.path[:] = {places!r}; {program}"],
        cwd=os.path.abspath(os.sep),
        env=ENVIRONMENT,
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=pass_fds,
        start_new_session=True,
    )


READERS: Server | Alone = Server() if sys.platform == "linux" else Alone()
atexit.register(READERS.stop)
