"""A small OpenID Connect provider on 127.0.0.1, real enough for a real client of one: RFC 6749, 7636, OpenID Core."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "cohort", "a secret of the client"


@dataclass
class Provider:
    """`person`: the claims of whoever is at the browser; None says no."""

    url: str = ""
    person: dict[str, Any] | None = None
    tokens_given: int = 0
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    def configuration(self) -> dict[str, Any]:
        places = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks",
            "response_types_supported": ["code"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            **{f"{name}_endpoint": f"{self.url}/{path}" for name, path in places.items()},
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        back = {"state": asked["state"]}
        if self.person is None:
            back["error"] = "access_denied"
        else:
            back["code"] = secrets.token_urlsafe(16)
            self.codes[back["code"]] = asked | {"person": self.person}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def token(self, asked: dict[str, str]) -> dict[str, Any] | None:
        """None for who may not have one. A code works once."""
        granted = self.codes.pop(asked.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(asked.get("code_verifier", "").encode()).digest())
        if (
            granted is None
            or (asked.get("client_id"), asked.get("client_secret")) != (CLIENT, SECRET)
            or asked.get("redirect_uri") != granted["redirect_uri"]
            or challenge.decode().rstrip("=") != granted["code_challenge"]
        ):
            return None
        self.tokens_given += 1
        now = int(time.time())
        claims = granted["person"] | {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300}
        signed = jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "k"})
        access = jwt.encode(granted["person"], self.key, algorithm="RS256")
        return {"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": signed}

    def jwks(self) -> dict[str, Any]:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [public | {"kid": "k", "use": "sig", "alg": "RS256"}]}

    def userinfo(self, token: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(token, self.key.public_key(), algorithms=["RS256"])
        return claims


@contextmanager
def provider() -> Iterator[Provider]:
    there = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            match address.path:
                case "/.well-known/openid-configuration":
                    self.answer(there.configuration())
                case "/authorize":
                    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
                    self.send_response(302)
                    self.send_header("Location", there.authorize(asked))
                    self.end_headers()
                case "/jwks":
                    self.answer(there.jwks())
                case "/userinfo":
                    self.answer(there.userinfo(self.headers["Authorization"].removeprefix("Bearer ")))
                case _:
                    self.send_error(404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            given = there.token({name: values[0] for name, values in parse_qs(body).items()})
            self.answer(given or {"error": "invalid_grant"}, 200 if given else 400)

        def answer(self, said: dict[str, Any], status: int = 200) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Not to the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    there.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield there
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
