"""The worker process: it claims jobs, analyses files, and reports its health."""
