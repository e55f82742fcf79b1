"""Large blocks go back to the system, also where smaller ones that stay lie between them."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, sys
from pathlib import Path
from fer_core.heap import give_back_large_blocks

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
SIZE = 10 << 20

def held_kb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

if sys.argv[1] == "with":
    give_back_large_blocks()
libc.free(libc.malloc(SIZE))
begun, blocks = held_kb(), []
for _ in range(12):
    blocks.append(libc.malloc(SIZE))
    ctypes.memset(blocks[-1], 1, SIZE)
    libc.malloc(1 << 20)
for block in blocks:
    libc.free(block)
print(held_kb() - begun)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="an option of glibc's")
def test_large_blocks_go_back_to_the_system():
    kept = {}
    for how in ("with", "without"):
        ended = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
        kept[how] = int(ended.stdout)
    assert kept["with"] < 20_000
    assert kept["without"] > 60_000, "glibc gives all of it back by itself: this is needed no longer"
