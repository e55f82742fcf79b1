"""The layouts that users have, and splits that stay apart."""

import csv

import numpy as np
import pytest
from PIL import Image

from fer_core.emotions import EMOTION_LABELS
from fer_core.errors import FerError
from train.data import PRIVATE_TEST, PUBLIC_TEST, TRAINING, load

RNG = np.random.default_rng(0)


def picture():
    return RNG.integers(0, 256, (48, 48), np.uint8)


def write_csv(path, rows, header=("emotion", "pixels", "Usage")):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for label, pixels, usage in rows:
            writer.writerow([label, " ".join(map(str, np.ravel(pixels))), usage])


def test_the_kaggle_csv(tmp_path):
    first, second = picture(), picture()
    write_csv(tmp_path / "f.csv", [(3, first, TRAINING), (0, second, PRIVATE_TEST)])
    data = load(tmp_path / "f.csv")
    assert (data.pixels == [first, second]).all()
    assert data.labels.tolist() == [3, 0]
    assert (data.of(PRIVATE_TEST).pixels == second).all()


def test_the_other_kaggle_csv_has_spaces_in_its_header(tmp_path):
    path = tmp_path / "icml_face_data.csv"
    path.write_text(f"emotion, Usage, pixels\n6,PublicTest,{' '.join(['7'] * 2304)}\n")
    data = load(path)
    assert data.split.tolist() == [PUBLIC_TEST]
    assert (data.pixels == 7).all()


def test_bad_lines_are_named(tmp_path):
    write_csv(tmp_path / "f.csv", [(3, picture(), TRAINING), (3, [1, 2, 3], TRAINING), (3, picture(), "Elsewhere")])
    data = load(tmp_path / "f.csv")
    assert len(data.labels) == 1
    assert data.bad_files == ("f.csv, line 3", "f.csv, line 4")


@pytest.mark.parametrize("folders", [("train", "test"), ("images/train", "images/validation")])
def test_a_folder_per_class(tmp_path, folders):
    for folder in folders:
        for label in ("angry", "happiness"):
            (tmp_path / folder / label).mkdir(parents=True)
            for number in range(12):
                Image.fromarray(picture()).save(tmp_path / folder / label / f"{number}.png")
    (tmp_path / folders[0] / "angry" / "broken.png").write_bytes(b"no picture")
    data = load(tmp_path)
    assert set(data.labels.tolist()) == {EMOTION_LABELS.index("angry"), EMOTION_LABELS.index("happy")}
    assert (data.split == PRIVATE_TEST).sum() == 24
    assert (data.split != PRIVATE_TEST).sum() == 24
    assert data.bad_files == (f"{folders[0]}/angry/broken.png",)
    assert load(tmp_path).sha256 == data.sha256


def test_what_is_no_data_set_is_refused(tmp_path):
    (tmp_path / "f.csv").write_text("a,b\n1,2\n")
    for path in (tmp_path, tmp_path / "f.csv", tmp_path / "missing.csv"):
        with pytest.raises(FerError):
            load(path)


def test_ferplus_votes_become_shares(tmp_path):
    write_csv(tmp_path / "f.csv", [(3, picture(), TRAINING), (0, picture(), TRAINING)])
    columns = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    (tmp_path / "new.csv").write_text(f"{columns}\nTraining,a,2,6,0,0,0,0,0,2,0,0\nTraining,b,0,0,0,0,0,0,0,0,0,10\n")
    data = load(tmp_path / "f.csv", tmp_path / "new.csv")
    assert data.votes[0] == pytest.approx([0, 0, 0, 0.75, 0, 0, 0.25])
    assert np.isnan(data.votes[1]).all()
    assert data.not_a_face.tolist() == [False, True]
