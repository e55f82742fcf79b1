"""Recordings: how files come in, how they are played, and what they say."""
