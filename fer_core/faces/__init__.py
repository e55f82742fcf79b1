"""Finding, following, checking and cropping faces."""
