"""Identity at an external sign-in provider: OpenID Connect, with authorization code, PKCE, state and nonce.

A browser leaves with a state that its cookie also holds, and returns with a code that the provider exchanges for a
signed token. What the provider publishes about itself is requested each time, so that its keys may change.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import delete, select

from clinic import clock
from clinic.access import Forbidden
from clinic.accounts import bounded_answers
from clinic.settings import Provider
from db.engine import Database
from db.models import ProviderAttempt
from fer_core.errors import FerError

AWAY = timedelta(minutes=10)
"""How long a browser may be at the provider."""
MOST_AWAY = 1000
"""Browsers that may be at the provider at once; beyond that, the one that left first is forgotten."""
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""Signatures with the provider's private key; none with a secret, and not none at all."""
LEEWAY_S, TIMEOUT_S = 60, 10.0
_TROUBLE = (httpx2.HTTPError, OAuthError, JoseError, KeyError, TypeError, ValueError, RecursionError)
"""What an answer of the provider may end in, whatever is in it: JSON within JSON without end too."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser goes, and the state that its cookie has to hold until it is back."""

    url: str
    state: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A person's identity at a provider; `email` only if the provider says that it was verified."""

    issuer: str
    subject: str
    email: str | None


def depart(db: Database, provider: Provider, back: str) -> Departure:
    """Return the address at the provider, from which the browser comes back to the address `back`.

    Raises FerError ``provider_unreachable``.
    """
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    now = clock.now()
    try:
        with _client(provider, back) as client:
            url, _ = client.create_authorization_url(
                _about(client, provider)["authorization_endpoint"], state=state, code_verifier=verifier, nonce=nonce
            )
    except _TROUBLE as error:
        raise _unreachable(error) from None
    with db.session() as session:
        session.execute(delete(ProviderAttempt).where(~clock.within(ProviderAttempt.created_at, AWAY, now)))
        # A flood displaces its own first attempts, which are older than those of users who are just returning.
        newest = select(ProviderAttempt.state_sha256).order_by(ProviderAttempt.created_at.desc()).limit(MOST_AWAY - 1)
        session.execute(delete(ProviderAttempt).where(ProviderAttempt.state_sha256.not_in(newest)))
        session.add(ProviderAttempt(state_sha256=_digest(state), nonce=nonce, verifier=verifier, created_at=now))
    return Departure(url, state)


def arrive(
    db: Database, provider: Provider, back: str, state: str, held: str, code: str, issuer: str | None = None
) -> Identity:
    """Return the identity for a returned code. `state` came with the browser's address, `held` with its cookie.

    `issuer`: who the address says that it comes from (RFC 9207), None where it doesn't say.

    Raises Forbidden ``provider_state`` for one who did not depart here or comes twice, ``provider_token`` for a token
    that is not for us, not for this sign-in or no longer good, or a code of another provider; FerError
    ``provider_unreachable``.
    """
    if not secrets.compare_digest(state.encode(), held.encode()):
        raise _not_departed()
    with db.session() as session:
        attempt = session.get(ProviderAttempt, _digest(state))
        if attempt is not None:
            session.delete(attempt)
    if attempt is None or not clock.within(attempt.created_at, AWAY, clock.now()):
        raise _not_departed()
    try:
        with _client(provider, back) as client:
            about = _about(client, provider)
            _need_from(about, issuer)
            got = client.fetch_token(about["token_endpoint"], code=code, code_verifier=attempt.verifier)
            keys = client.request("GET", about["jwks_uri"], withhold_token=True).raise_for_status().json()
    except _TROUBLE as error:
        raise _unreachable(error) from None
    try:
        return _identity(provider, _claims(provider, about["issuer"], keys, got["id_token"], attempt.nonce))
    except _TROUBLE as error:
        log.warning("a token of the sign-in provider was refused: %s", type(error).__name__)
        raise _not_valid() from None


def _client(provider: Provider, back: str) -> OAuth2Client:
    return OAuth2Client(
        provider.client_id,
        provider.client_secret,
        scope="openid email",
        redirect_uri=back,
        code_challenge_method="S256",
        timeout=TIMEOUT_S,
        headers=bounded_answers.HEADERS,
        event_hooks={"response": [bounded_answers.bound]},
    )


def _about(client: OAuth2Client, provider: Provider) -> dict[str, Any]:
    """Return the provider's metadata. Raises ValueError if they are another provider's."""
    address = f"{provider.issuer}/.well-known/openid-configuration"
    metadata: dict[str, Any] = client.request("GET", address, withhold_token=True).raise_for_status().json()
    if str(metadata["issuer"]).rstrip("/") != provider.issuer:
        raise ValueError("another issuer")
    if "client_secret_basic" not in metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
        client.token_endpoint_auth_method = "client_secret_post"  # noqa: S105 the name of a method
    return metadata


def _need_from(about: dict[str, Any], issuer: str | None) -> None:
    """Raise Forbidden where another provider sends the browser back, or where ours doesn't say so but always does."""
    always_says = about.get("authorization_response_iss_parameter_supported") is True
    if issuer != about["issuer"] and (issuer is not None or always_says):
        raise _not_valid()


def _claims(provider: Provider, issuer: str, keys: dict[str, Any], id_token: str, nonce: str) -> dict[str, Any]:
    """Return a token's claims. Raises JoseError, ValueError where it is not signed, ours, of this attempt or fresh.

    `issuer`: as the provider's metadata write it, which the token has to repeat to the letter.
    """
    claims: dict[str, Any] = jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=ALGORITHMS).claims
    needed = jwt.JWTClaimsRegistry(
        leeway=LEEWAY_S,
        iss={"essential": True, "value": issuer},
        sub={"essential": True},
        aud={"essential": True, "value": provider.client_id},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    needed.validate(claims)
    # A token for several programs is ours only where it names us as the one that it was issued to.
    issued_to = claims.get("azp", provider.client_id if claims["aud"] in _alone(provider) else None)
    if issued_to != provider.client_id:
        raise ValueError("for another program")
    return claims


def _alone(provider: Provider) -> tuple[str, list[str]]:
    """Return how a token names this program as the only one that it is for."""
    return provider.client_id, [provider.client_id]


def folded_address(email: str) -> str:
    """Return an e-mail address as it is compared: A to Z as a to z alone.

    More of Unicode would make one address of two: ``straße`` and ``strasse`` may be two people.
    """
    return "".join(letter.lower() if letter.isascii() else letter for letter in email)


def _identity(provider: Provider, claims: dict[str, Any]) -> Identity:
    verified = claims.get("email_verified") is True and isinstance(claims.get("email"), str)
    return Identity(provider.issuer, str(claims["sub"]), folded_address(claims["email"]) if verified else None)


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()


def _not_departed() -> Forbidden:
    return Forbidden("This sign-in did not start here, or it took too long. Please start again.", "provider_state")


def _not_valid() -> Forbidden:
    return Forbidden("The sign-in provider's answer is not valid. Please try again.", "provider_token")


def _unreachable(error: Exception) -> FerError:
    log.warning("the sign-in provider can't be used: %s", type(error).__name__)
    return FerError("The sign-in provider can't be reached, or it refused. Please try again.", "provider_unreachable")
