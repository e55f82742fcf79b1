"""A small sign-in provider of the tests' own: a real server on this machine with RSA-signed tokens."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from contextlib import contextmanager

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID, CLIENT_SECRET = "clinic", "a secret of the tests"


class SignInProvider:
    """Signs everybody in as `person`, and says what `changed` says instead of the truth.

    `answers`: the text that it sends in place of every token, or a response; `names_itself`: whether it says with each
    code that it is the one who gives it (RFC 9207).
    """

    def __init__(self):
        self.key = RSAKey.generate_key(2048, {"kid": "first"})
        self.signing = self.key
        self.issuer = ""
        self.person = {"sub": "subject-1", "email": "ann@example.test", "email_verified": True}
        self.changed = {}
        self.answers = None
        self.names_itself = False
        self.given = {}
        paths = {
            "/.well-known/openid-configuration": self.about,
            "/authorize": self.authorize,
            "/keys": self.keys,
            "/token": self.token,
        }
        self.app = Starlette(
            routes=[Route(path, endpoint, methods=["GET", "POST"]) for path, endpoint in paths.items()]
        )

    async def about(self, request):
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "authorization_response_iss_parameter_supported": self.names_itself,
            }
        )

    async def keys(self, request):
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request):
        asked = request.query_params
        assert (asked["client_id"], asked["response_type"]) == (CLIENT_ID, "code")
        assert (asked["code_challenge_method"], asked["scope"]) == ("S256", "openid email")
        code = secrets.token_hex(8)
        self.given[code] = dict(asked)
        itself = f"&iss={self.issuer}" if self.names_itself else ""
        return RedirectResponse(f"{asked['redirect_uri']}?code={code}&state={asked['state']}{itself}", 302)

    async def token(self, request):
        form = await request.body()
        reported = dict(pair.split("=", 1) for pair in form.decode().split("&"))
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        asked = self.given.pop(reported.get("code"), None)
        if asked is None or request.headers.get("authorization") != f"Basic {basic}":
            return JSONResponse({"error": "invalid_grant"}, 400)
        digest = hashlib.sha256(reported["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return PlainTextResponse("the verifier is another one", 400)
        if isinstance(self.answers, Response):
            return self.answers
        if self.answers is not None:
            return PlainTextResponse(self.answers, media_type="application/json")
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": self.id_token(asked["nonce"])})

    def id_token(self, nonce):
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "nonce": nonce, "iat": now, "exp": now + 300, **self.person}
        claims |= self.changed
        if self.signing is None:
            return self.with_public_key_as_secret(claims)
        return jwt.encode({"alg": "RS256", "kid": "first"}, claims, self.signing)

    def with_public_key_as_secret(self, claims):
        """Return a token as one would forge it for a reader who lets the token say how it is to be checked."""
        parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": "first"}, claims)]
        signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        digest = hmac.new(self.key.as_pem(private=False), signed, hashlib.sha256).digest()
        return (signed + b"." + base64.urlsafe_b64encode(digest).rstrip(b"=")).decode()


@contextmanager
def running():
    """Give a provider that listens on a free port of this machine."""
    provider = SignInProvider()
    server = uvicorn.Server(uvicorn.Config(provider.app, port=0, log_level="error", ws="none", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the provider did not start"
        time.sleep(0.02)
    provider.issuer = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join(20)
