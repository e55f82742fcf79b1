"""Copies of a clinic: encrypted backups, restore, and moving to another database."""
