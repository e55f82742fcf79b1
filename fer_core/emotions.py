"""The seven expression classes, in the one order that everything here uses."""

from __future__ import annotations

from enum import IntEnum


class Emotion(IntEnum):
    """A class of facial expression, numbered as in FER2013.

    The value is the index into every probability vector and the column order of every table and file.
    It names what a face looks like, not what a person feels.

    Source: Goodfellow et al. 2013, "Challenges in Representation Learning".
    """

    ANGRY = 0
    DISGUST = 1
    FEAR = 2
    HAPPY = 3
    SAD = 4
    SURPRISE = 5
    NEUTRAL = 6

    @property
    def label(self) -> str:
        """The lower-case name used in files and tables, such as ``"happy"``."""
        return self.name.lower()


EMOTION_LABELS: tuple[str, ...] = tuple(emotion.label for emotion in Emotion)
"""The labels in `Emotion` order."""
