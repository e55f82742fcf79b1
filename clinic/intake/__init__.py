"""Recordings as they come in: from a page, a folder or a program, each checked and its analysis queued in one way."""
