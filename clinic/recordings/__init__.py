"""Recordings: uploads, playback and results."""
