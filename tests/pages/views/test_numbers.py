"""The page carries the document that says how its numbers are made."""

from clinic import words
from pages.views import numbers
from pages.views.power import power_sentences
from tests.pages.views.trends import even_trend


def test_the_document_stands_on_the_page():
    text = numbers.folded(numbers.TEXT.read_text(encoding="utf-8"))
    assert text.count("\n#### ") >= 6
    assert "\n# " not in text


def test_the_sentences_name_points_of_the_patients_own_noise():
    trend = even_trend()
    said = power_sentences(trend, [3, 7])
    assert said[0].startswith(words.POWER.split("{")[0])
    assert f"happy-like +{trend.baseline[3].rise * 100:.0f} points" in said[0]
    assert "uncertain" in said[0]
    assert f"{trend.baseline[3].chance * 100:.0f} points" in said[1]


def test_what_can_not_be_seen_is_said():
    assert words.POWER_NONE.split("{")[0] in power_sentences(even_trend(size=1.0), [3])[0]
