"""The layouts that users have, and splits that stay apart."""

import csv
import os

import numpy as np
import pytest
from PIL import Image

from fer_core.emotions import EMOTION_LABELS
from fer_core.errors import FerError
from train import data as data_module
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
    assert [fault.split(":")[0] for fault in data.bad_files] == ["f.csv, line 3", "f.csv, line 4"]


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
    assert data.bad_files == (f"{folders[0]}/angry/broken.png: it can't be read as a picture",)
    assert load(tmp_path).sha256 == data.sha256


@pytest.mark.parametrize("folder", [None, "val", "valid", "validation"])
def test_where_public_test_is_from_is_said(tmp_path, folder):
    for name in ("train", "test", "extra", *([folder] if folder else [])):
        (tmp_path / name / "sad").mkdir(parents=True)
        for number in range(60):
            Image.fromarray(picture()).save(tmp_path / name / "sad" / f"{number}.png")
    data = load(tmp_path)
    public = int((data.split == PUBLIC_TEST).sum())
    assert (data.split == PRIVATE_TEST).sum() == 60
    assert "The folder extra is not read." in data.notes
    if folder:
        assert (public, int((data.split == TRAINING).sum())) == (60, 60)
        assert f"PublicTest is the folder {folder}." in data.notes
    else:
        assert 0 < public < 20
        assert data.notes[0].startswith(f"PublicTest is made of {public} pictures of train")


def test_a_folder_of_no_class_is_named_with_what_helps(tmp_path):
    for name in ("train/sad", "train/contempt", "test/sad"):
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(FerError, match=r"The folder train/contempt is none of the seven classes\. Please move it away"):
        load(tmp_path)


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


PLAIN = " ".join(["7"] * 2304)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (f"happy,{PLAIN},Training", "line 3: the label 'happy' is none of 0 to 6"),
        (f"-1,{PLAIN},Training", "line 3: the label '-1' is none of 0 to 6"),
        (f"9,{PLAIN},Training", "line 3: the label '9' is none of 0 to 6"),
        (f"3.0,{PLAIN},Training", "line 3: the label '3.0' is none of 0 to 6"),
        (f",{PLAIN},Training", "line 3: the label '' is none of 0 to 6"),
        (f"3,{PLAIN.replace('7', 'x', 1)},Training", "line 3: the pixels are not all whole numbers"),
        (f"3,{PLAIN.replace('7', '7.5', 1)},Training", "line 3: the pixels are not all whole numbers"),
        (f"3,{PLAIN.replace('7', '300', 1)},Training", "line 3: a pixel of 300; grey levels lie between 0 and 255"),
        (f"3,{PLAIN.replace('7', '-4', 1)},Training", "line 3: a pixel of -4; grey levels lie between 0 and 255"),
        (f"3,{PLAIN} 7,Training", "line 3: 2305 pixels in place of 2304"),
        ("3,,Training", "line 3: 0 pixels in place of 2304"),
        ("3", "line 3: 0 pixels in place of 2304"),
        (f"3,{PLAIN},Elsewhere", "line 3: the usage 'Elsewhere' is none of Training, PublicTest, PrivateTest"),
        (f"3,{PLAIN}", "line 3: the usage '' is none of Training, PublicTest, PrivateTest"),
    ],
)
def test_a_row_that_cannot_be_used_is_left_out_with_the_reason(tmp_path, row, fault):
    (tmp_path / "f.csv").write_text(f"emotion,pixels,Usage\n0,{PLAIN},Training\n{row}\n6,{PLAIN},PublicTest\n")
    data = load(tmp_path / "f.csv")
    assert data.labels.tolist() == [0, 6]
    assert data.bad_files == (f"f.csv, {fault}",)


def test_a_csv_of_bad_rows_alone_is_refused_with_the_first_reason(tmp_path):
    (tmp_path / "f.csv").write_text(f"emotion,pixels,Usage\nhappy,{PLAIN},Training\n")
    with pytest.raises(FerError, match="line 2: the label 'happy'"):
        load(tmp_path / "f.csv")


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\xff\xfe", b"", b"emotion,pixels,Usage\n0,\xff\xfe,Training\n"])
def test_a_file_that_is_no_csv_is_refused_by_name(tmp_path, content):
    (tmp_path / "f.csv").write_bytes(content)
    with pytest.raises(FerError, match=r"f\.csv"):
        load(tmp_path / "f.csv")


def test_a_cell_too_long_for_a_csv_is_refused_by_name(tmp_path):
    (tmp_path / "f.csv").write_text("emotion,pixels,Usage\n0," + "7 " * 100_000 + ",Training\n")
    with pytest.raises(FerError, match=r"f\.csv can't be read"):
        load(tmp_path / "f.csv")


def test_a_picture_of_sixteen_bits_is_left_out_by_name(tmp_path):
    for folder in ("train/angry", "test/angry"):
        (tmp_path / folder).mkdir(parents=True)
        Image.fromarray(picture()).save(tmp_path / folder / "good.png")
    Image.fromarray(RNG.integers(0, 65536, (48, 48), np.uint16)).save(tmp_path / "train/angry/deep.png")
    data = load(tmp_path)
    assert len(data.labels) == 2
    assert data.bad_files[0].startswith("train/angry/deep.png: its grey levels have more than eight bits")


FERPLUS = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "There is no file"),
        ("a,b\n1,2\n", "lacks the column"),
        (f"{FERPLUS}\nTraining,a,2,x,0,0,0,0,0,2,0,0\n", "line 2: happiness has 'x'"),
        (f"{FERPLUS}\nTraining,a,2,-6,0,0,0,0,0,2,0,0\n", "line 2: happiness has '-6'"),
        (f"{FERPLUS}\nTraining,a,2\n", "line 2: anger has ''"),
        (f"{FERPLUS}\n", "has 0 rows, the data set 1"),
    ],
)
def test_votes_that_cannot_be_used_are_refused_with_the_row(tmp_path, text, message):
    write_csv(tmp_path / "f.csv", [(3, picture(), TRAINING)])
    if text is not None:
        (tmp_path / "new.csv").write_text(text)
    with pytest.raises(FerError, match=message):
        load(tmp_path / "f.csv", tmp_path / "new.csv")


def test_a_split_that_is_needed_and_missing_is_named(patterns):
    with pytest.raises(FerError, match="no PublicTest rows"):
        patterns.where(patterns.split != PUBLIC_TEST).needed(PUBLIC_TEST)


@pytest.mark.attack("training: a data set with links to files outside of it, and with a pipe that nobody writes to")
def test_a_link_out_of_the_data_set_is_not_followed(tmp_path, attack):
    root, outside = tmp_path / "set", tmp_path / "outside"
    for folder in (root / "train/angry", root / "test/angry", outside):
        folder.mkdir(parents=True)
        Image.fromarray(picture()).save(folder / "good.png")
    (root / "train/angry/secret.png").symlink_to(outside / "good.png")
    (root / "train/sad").symlink_to(outside)
    (root / "train/angry/inside.png").symlink_to(root / "test/angry/good.png")
    os.mkfifo(root / "train/angry/pipe.png")
    assert len(load(root).labels) == 3
    attack(
        lambda: [fault.split(": ")[1] for fault in load(root).bad_files],
        ["it is a link out of the data set, which is not followed"] * 2,
    )


@pytest.mark.attack("training: a data set with names that are not UTF-8, or hold line ends and codes for a terminal")
def test_a_name_that_can_t_be_shown_is_text(tmp_path, attack):
    train, test = tmp_path / "set/train", tmp_path / "set/test"
    for folder in (train / "angry", test / "angry"):
        folder.mkdir(parents=True)
        Image.fromarray(picture()).save(folder / "good.png")
    for name in (b"M\xfcller.png", b"a\nb\x1b[31m.png"):
        (train / "angry" / os.fsdecode(name)).write_bytes(b"no picture")
    (test / "angry" / os.fsdecode(b"\xe9.png")).symlink_to("/etc/hostname")
    attack(
        lambda: [fault.split(":")[0] for fault in load(tmp_path / "set").bad_files],
        ["train/angry/M\\xfcller.png", "train/angry/a\\nb\\x1b[31m.png", "test/angry/\\xe9.png"],
    )
    (train / os.fsdecode(b"\xff")).mkdir()
    with pytest.raises(FerError, match=r"The folder train/\\xff is none"):
        load(tmp_path / "set")


@pytest.mark.attack("training: a CSV whose line or row has no end, and data sets of more pictures than fit the memory")
def test_a_data_set_is_read_within_limits(tmp_path, attack, monkeypatch):
    (tmp_path / "f.csv").write_text("emotion,pixels,Usage\n" + "7 " * data_module.MOST_LINE)
    attack(lambda: load(tmp_path / "f.csv"), "no_data")
    (tmp_path / "f.csv").write_text("emotion,pixels,Usage\n" + '"7\n",' * 1000)
    attack(lambda: load(tmp_path / "f.csv"), "no_data")
    write_csv(tmp_path / "f.csv", [(3, picture(), TRAINING)] * 3)
    monkeypatch.setattr(data_module, "MOST_PICTURES", 2)
    attack(lambda: load(tmp_path / "f.csv"), "no_data")
    for folder in ("set/train/angry", "set/test/angry"):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(2):
            Image.fromarray(picture()).save(tmp_path / folder / f"{number}.png")
    attack(lambda: load(tmp_path / "set"), "no_data")
