"""A file whose name names another patient is noticed, and one that a camera named isn't."""

from types import SimpleNamespace

import pytest

from clinic.intake import naming


def person(number, name, code=""):
    return SimpleNamespace(id=str(number), name=name, code=code, born_on=None)


OWN = person(1, "Batch Fifteen", "K-0815")
OTHERS = [
    OWN,
    person(2, "Mark Twelve"),
    person(3, "Müller Zoë", "P-77-1234"),
    person(4, "Anna"),
    person(5, "Li Wu", "7"),
]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Mark Twelve 2026-04-05.jpg", ["Mark Twelve"]),
        ("2026-04-05_twelve,mark.mp4", ["Mark Twelve"]),
        ("ZOE_MULLER.mov", ["Müller Zoë"]),
        ("visit p77 1234 a.mp4", ["Müller Zoë"]),
        ("Mark Twelve and Batch Fifteen.mp4", []),
        ("k0815 mark twelve.mp4", []),
        ("IMG_20260405_770123.jpg", []),
        ("Anna 7.mp4", []),
        ("twelve marks.mp4", []),
    ],
)
def test_a_name_that_names_another_patient(name, found):
    assert [(said, one.name) for said, one in naming.named_otherwise([name], OWN, OTHERS)] == [
        (name, one) for one in found
    ]
