"""A service that answers members of Kakao Gate and nobody else.

Who asks shows an access token: `Authorization: Bearer …`. It is verified here, by the keys that
Kakao Gate publishes; Kakao Gate is not asked about each request.
"""

import json
import math
import os
import threading
import time
import urllib.request
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

# PUBLIC_URL of Kakao Gate, and its API_AUDIENCE where that is set.
ISSUER = os.environ.get("GATE_ISSUER", "http://127.0.0.1:8080")
AUDIENCE = os.environ.get("GATE_AUDIENCE", ISSUER)
PORT = int(os.environ.get("PORT", "3000"))

# In seconds: how long the keys are used before they are fetched again, how soon that may be, and for
# how long those of before are good enough when it fails.
FRESH, COOLDOWN, KEPT, PATIENCE = 300, 5, 3600, 5


class Unavailable(Exception):
    """The keys cannot be fetched, so nobody can be told from anybody."""


class Keys:
    """The keys that Kakao Gate publishes.

    One that is not among them may be new, so they are fetched again; but anybody can make up a name,
    so not at once, and a fetch that fails takes nothing away.
    """

    def __init__(self, url):
        self.url = url
        self.lock = threading.Lock()
        self.keys = {}
        self.fetched = self.tried = -math.inf

    def named(self, kid):
        with self.lock:
            now = time.monotonic()
            wanted = kid not in self.keys or now - self.fetched > FRESH
            if wanted and now - self.tried > COOLDOWN:
                self.fetch(now)
            if time.monotonic() - self.fetched > KEPT:
                raise Unavailable
            if kid not in self.keys:
                raise jwt.InvalidTokenError("no key of this name")
            return self.keys[kid]

    def fetch(self, now):
        self.tried = now
        try:
            with urllib.request.urlopen(self.url, timeout=PATIENCE) as answer:
                published = json.load(answer)
            found = jwt.PyJWKSet.from_dict(published).keys
        except (OSError, ValueError, TypeError, AttributeError, HTTPException, jwt.PyJWTError) as error:
            print(f"keys not fetched: {error}", flush=True)
            return
        self.keys = {key.key_id: key.key for key in found}
        self.fetched = now


KEYS = Keys(f"{ISSUER}/.well-known/jwks.json")


def member_of(token):
    """The id of the member whose token this is.

    Raises jwt.InvalidTokenError for any other text, and Unavailable.
    """
    header = jwt.get_unverified_header(token)
    # An access token, and not another JWT that the same keys may sign one day.
    if header.get("typ") != "at+jwt":
        raise jwt.InvalidTokenError("not an access token")
    claims = jwt.decode(
        token,
        KEYS.named(header.get("kid")),
        # Fixed here: what the token says about its algorithm is not followed.
        algorithms=["ES256"],
        issuer=ISSUER,
        audience=AUDIENCE,
        options={"require": ["iss", "aud", "sub", "iat", "exp"]},
    )
    return claims["sub"]


def bearer(headers):
    """The token in the one Authorization header there may be, or None."""
    sent = headers.get_all("Authorization") or []
    scheme, _, token = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
    return token if scheme.lower() == "bearer" and token else None


class Service(BaseHTTPRequestHandler):
    """Tells members who they are."""

    def do_GET(self):
        token = bearer(self.headers)
        if token is None:
            return self.answer(401, {"error": "unauthorized"}, "Bearer")
        try:
            return self.answer(200, {"member": member_of(token)})
        except jwt.InvalidTokenError:
            challenge = 'Bearer error="invalid_token"'
            return self.answer(401, {"error": "invalid_token"}, challenge)
        except Unavailable:
            return self.answer(503, {"error": "unavailable"})

    def answer(self, status, body, challenge=None):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Cache-Control", "no-store")
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        self.wfile.write(text)


if __name__ == "__main__":
    print(f"http://127.0.0.1:{PORT}", flush=True)
    ThreadingHTTPServer(("127.0.0.1", PORT), Service).serve_forever()
