"""Hand-written stand-ins for the core."""

from fer_core.types import Box, Face, FaceExpression, FrameResult, Status


def expression(track=0, happy=0.7):
    """A face that was read, with `happy` and the rest neutral."""
    box = Box(20 + 60 * track, 20, 60 + 60 * track, 70)
    return FaceExpression(Face(box, 0.99, track=track), Status.OK, (0.0, 0.0, 0.0, happy, 0.0, 0.0, 1.0 - happy))


def result(index, *tracks, every_s=0.2):
    """A moment in which the faces of these tracks are seen, each with its own probabilities."""
    faces = tuple(expression(track, happy=0.7 - 0.1 * track) for track in tracks)
    return FrameResult(index, index * every_s, faces)
