"""What a file could do that takes over the process that reads it: the file's own text says what is tried."""

import ctypes
import errno
import json
import mmap
import os
import resource
import socket
import subprocess
import sys
import time

from fer_core.decoder import child, server
from fer_core.media import wire
from fer_core.media.protection import Protection

PTRACE_SEIZE, PTRACE_DETACH = 0x4206, 17
LIMITED = ("RLIMIT_NPROC", "RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_CORE", "RLIMIT_CPU")
PROCESS_VM_READV, IO_URING_SETUP, PIDFD_OPEN = {"x86_64": (310, 425, 434)}.get(os.uname().machine, (270, 425, 434))


def main(link, locked=True):
    """Serve as the real server does, but do what the file says; `locked`: whether the process gave up its rights."""
    child.ANSWERS["examine"] = obey
    if not locked:
        child.give_up_rights = lambda cpu_s: Protection()
    server.main(link)


def obey(link, file, question):
    """Try what the file names, and answer with how it ended: "done", or the name of the error."""
    tried = json.loads(file.read())
    try:
        outcome = str(TRIED[tried["try"]](*tried["with"]) or "done")
    except OSError as error:
        outcome = errno.errorcode.get(error.errno, type(error).__name__)
    link.say(wire.ANSWER, {"outcome": outcome})


def system_call(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    # A number that ctypes takes for an int leaves half of its register or place on the stack as it was.
    whole = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    if libc.syscall(ctypes.c_long(number), *whole) < 0:
        raise OSError(ctypes.get_errno(), "")


def read(path):
    with open(path, "rb") as file:
        file.read(1)


def write(path):
    with open(path, "w") as file:
        file.write("here")


def connect(host, port):
    with socket.socket() as caller:
        caller.connect((host, port))


def send_datagram(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"name", ("127.0.0.1", port))


def attach(process):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(PTRACE_SEIZE, process, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "")
    libc.ptrace(PTRACE_DETACH, process, 0, 0)


def read_memory(process):
    here = ctypes.create_string_buffer(8)
    with open(f"/proc/{process}/maps") as maps:
        address = int(maps.readline().split("-")[0], 16)
    local, remote = (ctypes.c_size_t * 2)(ctypes.addressof(here), 8), (ctypes.c_size_t * 2)(address, 8)
    system_call(PROCESS_VM_READV, process, local, 1, remote, 1, 0)


def read_memory_blindly(process):
    here = ctypes.create_string_buffer(8)
    both = (ctypes.c_size_t * 2)(ctypes.addressof(here), 8)
    system_call(PROCESS_VM_READV, process, both, 1, both, 1, 0)


def run_code_of_its_own():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    if libc.mmap(None, 4096, 7, 0x22, -1, 0) == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "")


def fork():
    process = os.fork()
    if not process:
        os._exit(0)
    os.waitpid(process, 0)


def loop():
    while True:
        pass


TRIED = {
    "read": read,
    "list": lambda path: os.listdir(path) and None,
    "write": write,
    "delete": os.unlink,
    "chmod": lambda path: os.chmod(path, 0o777),
    "rename": lambda path: os.rename(path, path + "2"),
    "connect": connect,
    "datagram": send_datagram,
    "fork": fork,
    "program": lambda: subprocess.run([sys.executable, "-c", ""], check=True) and None,
    "exec": lambda: os.execv(sys.executable, [sys.executable, "-c", ""]),
    "attach": attach,
    "read memory": read_memory,
    "read memory blindly": read_memory_blindly,
    "signal": lambda process: os.kill(process, 0),
    "hold": lambda process: os.close(os.pidfd_open(process)),
    "ring": lambda: system_call(IO_URING_SETUP, 1, ctypes.create_string_buffer(120)),
    "code": run_code_of_its_own,
    "environment": lambda: json.dumps(dict(os.environ)),
    "segfault": lambda: ctypes.string_at(0),
    "loop": loop,
    "sleep": lambda: time.sleep(60),
    "memory": lambda: bytearray(2**40) and None,
    "map memory": lambda: mmap.mmap(-1, 2**33).close(),
    "exit": lambda: os._exit(0),
    "limits": lambda: json.dumps([resource.getrlimit(getattr(resource, name))[1] for name in LIMITED]),
}


def dying(link, after):
    """Serve as the real server does, but die by a fault of memory after so many frames of a video."""
    honest = child.frames

    def frames(*arguments):
        for number, frame in enumerate(honest(*arguments)):
            if number == after:
                ctypes.string_at(0)
            yield frame

    child.frames = frames
    server.main(link)


class Strict:
    """In front of all finders of modules: one that is asked for ends the process."""

    def find_spec(self, name, path=None, target=None):
        os._exit(1)


def strict(link):
    """Serve as the real server does, but bear no import after the rights were given up."""
    honest = child.give_up_rights

    def give_up_rights(cpu_s):
        found = honest(cpu_s)
        sys.meta_path.insert(0, Strict())
        return found

    child.give_up_rights = give_up_rights
    server.main(link)
