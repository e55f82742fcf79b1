"""The notebook of examples/, run from its first cell to its last on a small data set that is made here."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest

from tests.media import moving_face, write_clip

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "examples" / "from_data_to_plot.ipynb"
RUNNER = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
place = {"metadata": {"path": sys.argv[3]}}
nbclient.NotebookClient(notebook, timeout=400, kernel_name="python3", resources=place).execute()
nbformat.write(notebook, sys.argv[2])
"""


def write_csv(path):
    """Write a data set of 280 pictures: class c is a grating of its own period under noise."""
    rng = np.random.default_rng(5)
    lines = ["emotion,pixels,Usage"]
    for number in range(280):
        label = number % 7
        picture = rng.integers(0, 140, (48, 48))
        period = (2, 4, 6, 8, 12, 16, 24)[label]
        picture[np.arange(48) % period < period // 2] += 110
        usage = "Training" if number < 168 else "PublicTest" if number < 224 else "PrivateTest"
        lines.append(f"{label},{' '.join(map(str, picture.ravel()))},{usage}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_notebook_is_kept_without_what_it_printed():
    cells = [cell for cell in nbformat.read(NOTEBOOK, 4).cells if cell.cell_type == "code"]
    assert cells
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)


@pytest.mark.slow
def test_the_notebook_runs_to_its_end(tmp_path):
    variables = {
        "FER2013_CSV": str(write_csv(tmp_path / "fer2013.csv")),
        "RUN": str(tmp_path / "run"),
        "VIDEO": str(write_clip(tmp_path / "visit.mp4", moving_face(6))),
        "EPOCHS": "3",
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    command = [sys.executable, "-c", RUNNER, str(NOTEBOOK), str(tmp_path / "ran.ipynb"), str(NOTEBOOK.parent)]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    printed = said(nbformat.read(tmp_path / "ran.ipynb", 4))
    assert "Training     {'angry': 24," in printed
    assert "accuracy " in printed
    assert "moments," in printed
    assert (tmp_path / "run" / "model" / "notebook.safetensors").is_file()
    assert "plotly" in (tmp_path / "run" / "video.html").read_text(encoding="utf-8")


def said(notebook):
    """Return what the cells printed."""
    return "".join(
        output.get("text", "") for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    )
