"""For administrators: the installation check, the server's options, invented patients."""
