"""What reads the bytes of files from outside; it runs in a process without rights (see docs/architecture.md)."""
