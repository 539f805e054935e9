"""The world outside, real and on loopback: a receiver of webhooks, a mail server, and a file of channels."""

from __future__ import annotations

import email
import ipaddress
import json
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import update

from dashboard.alerts.channels import Channels
from dashboard.alerts.deliver import Deliveries
from dashboard.stores import tables as t
from tests.engine.core import Core


def channels(folder: Path, *given: dict[str, Any]) -> Channels:
    """A file of channels in a folder."""
    file = folder / "channels.json"
    file.write_text(json.dumps(list(given)), encoding="utf-8")
    return Channels(file)


class Receiver:
    """A real HTTP receiver that fails as often as it is told to."""

    def __init__(self) -> None:
        self.failures, self.got, seen = 0, list[tuple[dict[str, str], bytes]](), self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                seen.got.append((dict(self.headers), body))
                ok = seen.failures <= 0
                seen.failures -= 1
                self.send_response(204 if ok else 503)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/hook"


def until_done(core: Core, deliveries: Deliveries) -> None:
    """Work off what is queued; the pause between attempts is set to none."""
    for _ in range(30):
        with core.history.writing() as connection:
            connection.execute(update(t.delivery).values(due_at=0))
        if not deliveries.work():
            return
    raise AssertionError("deliveries do not end")


def certificate(folder: Path) -> Path:
    """A certificate of this machine, signed by itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    own = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "mail.pem"
    file.write_bytes(own + made.public_bytes(serialization.Encoding.PEM))
    return file


class Mailbox:
    """A real mail server: STARTTLS and a password are asked for, and the first letter is put off."""

    def __init__(self, folder: Path) -> None:
        self.letters: list[Any] = []
        self.put_off = 1
        self.certificate = certificate(folder)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.server = Controller(
            self, hostname="127.0.0.1", port=self.port, tls_context=context, require_starttls=True, auth_required=True,
            authenticator=lambda server, session, envelope, mechanism, said: AuthResult(
                success=said == LoginPassword(b"townwatch", b"s3cret")
            ),
        )  # fmt: skip

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's word
        if self.put_off:
            self.put_off -= 1
            return "451 try again"
        self.letters.append(email.message_from_bytes(envelope.content))
        return "250 OK"
