"""Tables of other programs are read as those write them, and refused with the line where something is wrong."""

import io

import pytest

from clinic.exchange import other_tools
from clinic.exchange.other_tools import Tool, read, valid_measures
from fer_core.errors import FerError

OPENFACE = """frame, face_id, timestamp, confidence, success, AU06_r, AU12_r, AU12_c
1, 0, 0.000, 0.98, 1, 0.50, 1.00, 1.00
2, 0, 0.040, 0.98, 1, 0.00, 3.00, 0.00
3, 0, 0.080, 0.02, 0, 0.00, 0.00, 0.00
"""
PYFEAT = """,frame,FaceRectX,FaceScore,AU01,AU12,anger,happiness,input
0,0,10.0,0.99,0.2,0.4,0.1,0.7,clip.mp4
1,1,,,,,,,clip.mp4
"""
FACEREADER = """Video analysis detailed log
Participant:\tsomebody

Video Time\tNeutral\tHappy\tValence\tArousal
00:00:00.000\t0,9\t0,1\t0,05\t0,2
00:00:00.040\tFIT_FAILED\tFIT_FAILED\tFIT_FAILED\tFIT_FAILED
00:00:00.080\t0,7\t0,3\t0,15\t0,4
"""


def refusal(text):
    with pytest.raises(FerError) as found:
        read(io.BytesIO(text.encode()))
    return found.value.code, found.value.message


def test_openface_gives_the_means_of_what_it_could_read():
    found = read(io.BytesIO(OPENFACE.encode()))
    assert (found.tool, found.rows, found.readable_share) == (Tool.OPENFACE, 3, pytest.approx(2 / 3))
    assert found.measures == {"AU06_r": 0.25, "AU12_r": 2.0, "AU12_c": 0.5}


def test_py_feat_without_a_face_is_a_moment_that_could_not_be_read():
    found = read(io.BytesIO(PYFEAT.encode()))
    assert (found.tool, found.rows, found.readable_share) == (Tool.PYFEAT, 2, 0.5)
    assert found.measures == {"AU01": 0.2, "AU12": 0.4, "anger": 0.1, "happiness": 0.7}


@pytest.mark.parametrize("text", [FACEREADER, "\ufeff" + FACEREADER, FACEREADER.replace(",", ".")])
def test_facereader_has_lines_before_its_header_and_may_write_commas(text):
    found = read(io.BytesIO(text.encode()))
    assert (found.tool, found.rows) == (Tool.FACEREADER, 3)
    assert found.measures == pytest.approx({"Neutral": 0.8, "Happy": 0.2, "Valence": 0.1, "Arousal": 0.3})


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("a,b\n1,2\n", "unknown_table", "none of their headers"),
        ("", "unknown_table", "none of their headers"),
        (OPENFACE.replace("0, 0.040", "1, 0.040"), "several_faces", "Line 3"),
        (OPENFACE.replace("\n2, 0", "\n1, 0"), "several_faces", "Line 3"),
        (OPENFACE.replace("3.00", "three"), "bad_table", "Line 3: 'three'"),
        (OPENFACE.replace("3.00", "inf"), "bad_table", "Line 3"),
        (OPENFACE.replace(", 0.00, 3.00, 0.00", ""), "bad_table", "Line 3 is too short"),
        (
            OPENFACE.replace(" 1, 0.50", " 0, 0.50").replace(" 1, 0.00, 3", " 0, 0.00, 3"),
            "nothing_readable",
            "No row",
        ),
        (PYFEAT + "1,1,10.0,0.99,0.2,0.4,0.1,0.7,clip.mp4\n", "several_faces", "Line 4"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(text, code, said):
    found = refusal(text)
    assert found[0] == code
    assert said in found[1]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_table_may_be_a_spreadsheets_unicode_text(encoding):
    assert read(io.BytesIO(OPENFACE.encode(encoding))) == read(io.BytesIO(OPENFACE.encode()))


def test_what_is_no_text_is_no_table():
    with pytest.raises(FerError) as found:
        read(io.BytesIO(b"\xff\xfe\x00"))
    assert found.value.code == "unknown_table"


@pytest.mark.attack(
    "a table of another program as one line or row without an end, and as one that is larger than allowed"
)
def test_a_table_is_read_within_limits(attack, monkeypatch):
    for endless in (b"1,", b'"1\n",'):
        file = io.BytesIO(b"frame,confidence,success,AU12_r\n" + endless * other_tools.LONGEST_ROW)
        attack(lambda file=file: read(file), "bad_table")
        assert file.tell() < 2 * other_tools.LONGEST_ROW, "what comes after a row that is too long is not read"
    monkeypatch.setattr(other_tools, "MOST_BYTES", len(OPENFACE) - 1)
    attack(lambda: read(io.BytesIO(OPENFACE.encode())), "bad_table")


@pytest.mark.attack("a table of another program whose moments have names of 100,000 letters, which are remembered")
@pytest.mark.parametrize("header", ["frame,confidence,success,AU12_r", "frame,face_id,confidence,success,AU12_r"])
def test_what_a_table_calls_a_moment_is_short(attack, header):
    long = "1" * 100_000
    row = f"1,{long},1,1,1" if "face_id" in header else f"{long},1,1,1"
    attack(lambda: read(io.BytesIO(f"{header}\n{row}\n".encode())), "bad_table")


@pytest.mark.parametrize(
    ("measures", "sound"),
    [
        ({"AU12_r": 1.0, "Happy": 0}, True),
        ({"<b>": 1.0}, False),
        ({"AU12_r": "x"}, False),
        ({"AU12": float("nan")}, False),
    ],
)
def test_stored_measures_are_those_of_the_tools(measures, sound):
    assert valid_measures(measures.items()) is sound
