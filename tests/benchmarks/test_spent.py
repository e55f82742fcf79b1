"""Memory and processor time count what was started besides, and not what the starting process had held."""

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.spent import Spent, own_peak_mb

HOLD = "import sys, time; held = bytearray(60_000_000); print('there', flush=True); sys.stdin.read()"


def test_what_another_process_holds_is_counted():
    with Spent() as spent:
        other = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with other:
            other.stdout.readline()
            until = time.monotonic() + 20
            while spent._others_mb < 60:
                assert time.monotonic() < until
                time.sleep(0.01)
    assert spent.peak_mb > own_peak_mb() + 60 - 1
    assert 60 <= spent.process_mb < spent.peak_mb - 30
    assert spent.wall_s > 0


def test_a_large_parent_is_no_part_of_it():
    held = bytearray(b"x") * 300_000_000
    program = "from benchmarks.spent import own_peak_mb; print(own_peak_mb())"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < len(held) / 1e6
