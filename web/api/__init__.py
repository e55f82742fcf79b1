"""The API for programs, at `/api/v1`: each request carries a token (clinic/accounts/tokens.py) and no cookie."""
