"""Faces and expressions: the shared core library, which knows no page, no table and no environment variable."""
