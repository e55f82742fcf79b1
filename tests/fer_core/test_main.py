"""The command line of the core."""

import csv
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from fer_core.__main__ import main
from fer_core.analyzer import Analyzer
from fer_core.results import COLUMNS
from tests.fakes import FakeClassifier, FakeDetector, face_at
from tests.media import animation, scene, write_clip


def run(*arguments):
    """Run with a detector that sees a face in bright pictures alone."""
    script = lambda rgb: [face_at(100, 80)] if rgb.mean() > 30 else []  # noqa: E731
    return main([str(a) for a in arguments], lambda _model: Analyzer(FakeClassifier(), FakeDetector(script)))


@pytest.fixture
def clip(tmp_path):
    dark = [np.zeros((320, 480, 3), np.uint8)] * 5
    return write_clip(tmp_path / "v.mp4", [scene()] * 5 + dark, rate=5)


def test_csv_has_a_row_for_each_face_and_each_moment_without(clip, capsys):
    assert run(clip, "--csv", "-") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert tuple(rows[0]) == COLUMNS
    assert [row["status"] for row in rows] == ["ok"] * 5 + ["no_face"] * 5
    assert rows[0]["time_s"] == "0.000"
    assert float(rows[0]["happy"]) == pytest.approx(0.8)
    assert rows[-1]["happy"] == rows[-1]["left"] == ""


def test_a_file_that_cannot_be_read_does_not_stop_the_others(clip, tmp_path, capsys):
    (tmp_path / "letter.mp4").write_text("a letter")
    assert run(tmp_path / "letter.mp4", clip, tmp_path / "gone.png", "--json", tmp_path / "out.json") == 2
    errors = capsys.readouterr().err
    assert "(not_a_video)" in errors
    assert "(unreadable_file)" in errors
    [found] = json.loads((tmp_path / "out.json").read_text())
    assert len(found["samples"]) == 10
    assert found["samples"][0]["faces"][0]["probabilities"]["happy"] == pytest.approx(0.8)


def test_another_model_is_named_by_its_card(clip, tmp_path, capsys):
    assert main(["--model", str(tmp_path / "gone.json"), str(clip)]) == 2
    assert "its card is missing" in capsys.readouterr().err


def test_in_words(clip, capsys):
    assert run(clip) == 0
    assert "5 of 10 samples with a usable face" in capsys.readouterr().out


def test_of_an_animation_it_is_said_how_many_pictures_were_not_read(tmp_path, capsys):
    said = "Only the first of the 3 pictures of this file was read."
    animation(tmp_path / "a.gif")
    assert run(tmp_path / "a.gif") == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"  {said}"
    assert run(tmp_path / "a.gif", "--json", "-") == 0
    printed = capsys.readouterr()
    [found] = json.loads(printed.out)
    assert (found["skipped_frames"], found["warnings"], found["partial"]) == (2, [said], False)
    assert printed.err == f"{tmp_path / 'a.gif'}: {said}\n"


@pytest.mark.attack("`fer` with files whose names are not UTF-8, or hold line ends and codes for a terminal")
@pytest.mark.parametrize("to", ["--csv", "--json", None])
def test_a_name_that_can_t_be_shown_is_text(tmp_path, monkeypatch, capsysbinary, attack, to):
    monkeypatch.chdir(tmp_path)
    names = [os.fsdecode(name) for name in (b"M\xfcller.png", b"a\nb\x1b[31m.png", b"letter\xff\x1b.png")]
    for name in names[:2]:
        Image.fromarray(scene()).save(name)
    (tmp_path / names[2]).write_text("a letter")
    assert run(*names, *([to, "out"] if to else [])) == 2
    printed = capsysbinary.readouterr()
    said = (tmp_path / "out").read_text("utf-8") if to else printed.out.decode("utf-8")
    for name in ("M\\xfcller.png", "a\\nb\\x1b[31m.png"):
        assert (json.dumps(name)[1:-1] if to == "--json" else name) in said
    attack(lambda: printed.err.decode("utf-8").split(": ")[0], "letter\\xff\\x1b.png")
    assert b"\x1b" not in printed.err + said.encode("utf-8")


def test_names_are_text_for_spreadsheets(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(scene()).save("=cmd().png")
    run("=cmd().png", "--csv", "-")
    assert capsys.readouterr().out.splitlines()[1].startswith("'=cmd()")


def test_negative_seconds_are_refused(clip):
    with pytest.raises(SystemExit) as refusal:
        run(clip, "--every", "-1")
    assert refusal.value.code == 2


def test_copy_plot_and_stability(clip, tmp_path, capsys):
    assert run(clip, "--annotate", tmp_path / "a.mp4", "--plot", tmp_path / "p.html", "--pixelate", "--patient", 0) == 0
    assert (tmp_path / "a.mp4").stat().st_size > 1000
    assert "happy" in (tmp_path / "p.html").read_text()
    assert "valence" in capsys.readouterr().out
    assert run(clip, "--stability") == 0
    assert "frame moved" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["left", "1,2,3", "5,5,1,1"])
def test_a_patient_is_a_number_or_a_box(clip, text):
    with pytest.raises(SystemExit):
        run(clip, "--patient", text)


def test_a_box_names_the_patient(clip, capsys):
    run(clip, "--patient", "100,80,200,180", "--csv", "-")
    assert "ok" in capsys.readouterr().out
    assert run(clip, "--patient", "300,200,400,300", "--csv", "-") == 2
    printed = capsys.readouterr()
    assert ",ok," not in printed.out
    assert "No face with that box was seen" in printed.err


def test_a_patient_whom_nobody_is_is_said(clip, tmp_path, capsys):
    assert run(clip, "--patient", 99, "--csv", "-") == 2
    printed = capsys.readouterr()
    assert "No face with the number 99 was seen" in printed.err
    assert len(printed.out.splitlines()) == 1
    assert run(clip, "--patient", 99, "--pixelate", "--annotate", tmp_path / "a.mp4") == 2
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize("option", ["--csv", "--json", "--annotate", "--plot"])
def test_no_output_overwrites_what_is_read(clip, tmp_path, capsys, option):
    before = clip.read_bytes()
    (tmp_path / "link").symlink_to(clip)
    for name in (clip, tmp_path / "link", f"{tmp_path}/./{clip.name}"):
        with pytest.raises(SystemExit) as refusal:
            run(clip, option, name)
        assert refusal.value.code == 2
        assert f"{option} would overwrite" in capsys.readouterr().err
    assert clip.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--csv", "{}/gone/x.csv"], "is not there"),
        (["--annotate", "{}/gone/x.mp4"], "is not there"),
        (["--json", "{}"], "is a folder"),
        (["--csv", "{}/x", "--json", "{}/x"], "--csv and --json can't both go to one place"),
        (["--csv", "-", "--json", "-"], "--csv and --json can't both go to one place"),
        (["--pixelate"], "--pixelate changes the copy of --annotate"),
        (["--stability", "--csv", "{}/x"], "--stability prints a table"),
        (["{}/other.mp4", "--annotate", "{}/x.mp4"], "--annotate is of one file"),
        (["{}/other.mp4", "--plot", "{}/x.html"], "--plot is of one file"),
    ],
)
def test_outputs_that_cannot_be_are_refused_before_the_analysis(clip, tmp_path, capsys, options, said):
    with pytest.raises(SystemExit) as refusal:
        main([str(clip), *(option.format(tmp_path) for option in options)], lambda _model: pytest.fail("it began"))
    assert refusal.value.code == 2
    assert said in capsys.readouterr().err


def test_an_output_that_fails_later_is_a_sentence(clip, capsys):
    assert run(clip, "--csv", "/dev/full") == 2
    assert "can't be written: No space left" in capsys.readouterr().err


def test_what_is_no_file_and_a_copy_of_a_picture_are_refused(tmp_path, capsys):
    Image.fromarray(scene()).save(tmp_path / "p.png")
    assert run(tmp_path / "p.png", "--annotate", tmp_path / "a.mp4") == 2
    assert "This is a picture" in capsys.readouterr().err
    assert run(tmp_path / "gone.mp4", tmp_path) == 2
    errors = capsys.readouterr().err
    assert "There is no such file" in errors
    assert "This is a folder" in errors


def test_help_and_mistyped_options_answer_without_loading_the_models():
    code = (
        "import sys, fer_core.__main__ as command\n"
        "try:\n    command.main(['--help'])\n"
        "except SystemExit as ended:\n    assert ended.code == 0\n"
        "assert not {'torch', 'scipy', 'av', 'plotly'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for reported in ("--device", "--model", "exit codes", "interrupted"):
        assert reported in done.stdout


def test_a_picture_loads_nothing_it_does_not_need_and_files_are_made_ready_for_meanwhile(tmp_path):
    """Each of these takes 0.2 to 2 s to load; the process that reads files starts before PyTorch is loaded."""
    code = (
        "import sys, fer_core.__main__ as command\n"
        "prepare = command.READERS.prepare\n"
        "command.READERS.prepare = lambda: print('torch' in sys.modules) or prepare()\n"
        "assert command.main(sys.argv[1:]) == 0\n"
        "heavy = {'pandas', 'scipy', 'plotly', 'torchvision', 'facenet_pytorch', 'av', 'sklearn', 'matplotlib',"
        " 'streamlit', 'sqlalchemy', 'torch._dynamo', 'torch._inductor'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    Image.fromarray(scene()).save(tmp_path / "p.png")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "p.png")], capture_output=True, text=True, check=False
    )
    first, *_, last = done.stdout.splitlines() or ["", done.stderr]
    assert (first, last) == ("False", "[]")


def test_a_device_that_is_not_there_is_exit_code_2(clip, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main([str(clip), "--device", "cuda"]) == 2
    assert "no device cuda" in capsys.readouterr().err


def test_an_interruption_has_a_code_of_its_own(clip):
    def interrupted(model):
        raise KeyboardInterrupt

    assert main([str(clip)], interrupted) == 130
