"""An issuer of tokens for the tests: keys of its own, and documents served on this machine."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER = "https://issuer.example"
AUDIENCE = "ea-gateway"
ACCOUNT = "PaperMarkets-Demo:0012345"


@cache
def rsa_key(number: int = 1) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def private_pem(key: Any) -> str:
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def public_pem(key: Any) -> str:
    return str(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def claims(**changes: Any) -> dict[str, Any]:
    """Valid claims for ACCOUNT; `...` leaves one out."""
    now = datetime.now(UTC)
    valid = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "robot-7",
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(minutes=5),
        "account_id": ACCOUNT,
    }
    return {name: value for name, value in (valid | changes).items() if value is not ...}


def token(key: Any = None, algorithm: str = "RS256", headers: dict[str, Any] | None = None, **changes: Any) -> str:
    signer = key if key is not None else rsa_key()
    return jwt.encode(claims(**changes), signer, algorithm=algorithm, headers=headers)


def jwk(key: Any, **changes: Any) -> dict[str, Any]:
    """The public half, as a JWKS document lists it."""
    algorithm = ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else RSAAlgorithm
    return {**json.loads(algorithm.to_jwk(key.public_key())), "use": "sig", **changes}


class Served:
    """What the server answers (a status and JSON, or raw bytes), and what it was asked."""

    def __init__(self, content: Any, status: int = 200) -> None:
        self.content, self.status = content, status
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.address = ""


@contextmanager
def served(content: Any, status: int = 200) -> Iterator[Served]:
    """A document at `address` on this machine, for GET and POST."""
    document = Served(content, status)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            document.asked.append((self.command, self.rfile.read(length).decode(), dict(self.headers)))
            raw = document.content if isinstance(document.content, bytes) else json.dumps(document.content).encode()
            self.send_response(document.status)
            self.send_header("Location", f"{document.address}/elsewhere")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_POST = do_GET  # noqa: N815 - as the server calls it

        def log_message(self, *args: Any) -> None:
            """Tests read what was asked from `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    document.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield document
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
