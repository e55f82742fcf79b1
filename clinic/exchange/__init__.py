"""Data out and in: exports, imports, their dictionary, and prepared downloads."""
