"""What confines the process that reads files from outside, as it reports itself before it reads the first byte."""

from __future__ import annotations

from clinic.admin.findings import Finding, Level
from fer_core.errors import FerError
from fer_core.media import reader
from fer_core.media.protection import Protection

NAME = "reading files"
KEEP_APART = "Accept no files from strangers here, or use Linux 5.13 or later with Landlock and seccomp."


def check(_: object) -> Finding:
    """Start such a process and report which rights it gave up."""
    try:
        held = reader.protection()
    except FerError as error:
        return Finding(NAME, Level.BROKEN, "Files from outside can't be read.", error.message)
    if held.whole:
        return Finding(NAME, Level.OK, "Files from outside are decoded by a process that can reach nothing else.")
    return Finding(NAME, Level.WARNING, f"A separate process decodes files from outside, but {_gap(held)}", KEEP_APART)


def _gap(held: Protection) -> str:
    """Return what a file that takes control of such a process could still do."""
    if held.seccomp:
        return "this kernel has no Landlock: only a filter of its calls confines it."
    if held.landlock:
        return "nothing filters its calls: it can open no file, but may send on a network."
    if held.limits:
        return "only its memory and time are limited: it could read files and use the network."
    return "this system takes no right from it: it could read files and use the network."
