"""What the worker says of itself."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from clinic.worker_health import WorkerHealth, health_path, read_health, write_health


def test_words_are_read_back(settings):
    said = WorkerHealth(7, datetime.now(UTC), True, "The self-test passed.", "CPU", "abc")
    write_health(settings, said)
    assert read_health(settings) == said
    assert said.alive
    assert not replace(said, at=said.at - timedelta(minutes=5)).alive


def test_none_or_broken_words_are_none(settings):
    assert read_health(settings) is None
    health_path(settings).write_text("{")
    assert read_health(settings) is None
