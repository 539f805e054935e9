"""Deliveries: messages to the world outside, kept until they have arrived or are given up, each attempt stored.

General: whoever has something to tell queues it in the transaction that makes it true (:meth:`Deliveries.queue`); one
sender at a time works them off. A webhook is signed: ``X-Townwatch-Signature: v1=<hex>`` is HMAC-SHA256 over
``<timestamp>.<body>``, ``X-Townwatch-Id`` stays the same at every attempt, so that a receiver can drop what it has.
Only addresses of the file of channels are called, redirects are not followed, and a name that resolves to an address
that is no host's own (link-local, multicast, unspecified) is refused. Attempts run on the machine's clock.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
from sqlalchemy import Connection, insert, select, update

from dashboard import telemetry
from dashboard.alerts.channels import Channel, Channels
from dashboard.clock import machine_ms
from dashboard.errors import ConfigurationError
from dashboard.queries.alerting.words import mail
from dashboard.stores import tables as t
from dashboard.stores.history import History

log = structlog.get_logger("deliver")

TRIES = 8
FIRST_MS, MOST_MS = 5_000, 15 * 60_000
TIMEOUT_S = 10.0
AT_ONCE = 50
TOLD = 300
"""Most characters that are kept of what the other side says."""


class Unsent(Exception):
    """An attempt failed; the text is what is shown of it."""


Content = Callable[[str], bytes]
"""SHA-256 -> the bytes of a file that a message names as attached."""


class Delivery(msgspec.Struct, frozen=True):
    """One message on its way."""

    id: str
    channel: str
    kind: str
    body: str
    tries: int


class Outcome(msgspec.Struct, frozen=True):
    """What became of one attempt."""

    ok: bool
    told: str
    took_ms: int


def pause_ms(name: str, tries: int) -> int:
    """How long to wait after a number of failed attempts: doubling, give or take a fifth, the same for the same id."""
    base = min(MOST_MS, FIRST_MS << max(0, tries - 1))
    jitter = int.from_bytes(hashlib.blake2b(f"{name}:{tries}".encode(), digest_size=4).digest()) / 2**32
    return round(base * (0.8 + 0.4 * jitter))


class Deliveries:
    """The queue in SQL and its sender."""

    def __init__(
        self,
        history: History,
        channels: Channels,
        tries: int = TRIES,
        first_ms: int = FIRST_MS,
        content: Content | None = None,
    ) -> None:
        self.history, self.channels, self.tries, self.content = history, channels, tries, content
        self._scale = first_ms / FIRST_MS

    def queue(
        self,
        connection: Connection,
        channel: str,
        kind: str,
        about: str,
        town: str,
        body: dict[str, Any],
        now: int,
        alerts: Iterable[str] = (),
    ) -> str:
        """Queue a message in the caller's transaction; the same one is queued once. Returns its id.

        ``about`` names what it is about, ``now`` is the world's clock. ``body`` must hold no person.
        """
        name = hashlib.blake2b(f"{channel}|{kind}|{about}|{now}".encode(), digest_size=12).hexdigest()
        if connection.scalar(select(t.delivery.c.id).where(t.delivery.c.id == name)) is not None:
            return name
        connection.execute(
            insert(t.delivery).values(
                id=name,
                channel=channel,
                kind=kind,
                about=about[:200],
                town=town,
                made_at=now,
                state="waiting",
                tries=0,
                due_at=machine_ms(),
                body=msgspec.json.encode({"id": name, **body}).decode(),
            )
        )
        told = [{"alert": one, "delivery": name} for one in alerts]
        if told:
            connection.execute(insert(t.delivery_alert), told)
        return name

    def due(self) -> list[Delivery]:
        """Messages whose time has come, the oldest first."""
        d = t.delivery.c
        statement = select(d.id, d.channel, d.kind, d.body, d.tries).where(
            d.state == "waiting", d.due_at <= machine_ms()
        )
        with self.history.reading() as connection:
            rows = connection.execute(statement.order_by(d.due_at, d.id).limit(AT_ONCE))
            return [Delivery(*row) for row in rows]

    def work(self) -> int:
        """Try everything that is due once, several channels at the same time. Returns how many attempts were made."""
        found = self.due()
        lanes: dict[str, list[Delivery]] = {}
        for one in found:
            lanes.setdefault(one.channel, []).append(one)
        if not lanes:
            return 0
        with ThreadPoolExecutor(min(8, len(lanes)), "deliver") as pool:
            list(pool.map(self._lane, lanes.values()))
        return len(found)

    def _lane(self, waiting: Sequence[Delivery]) -> None:
        for one in waiting:
            outcome = self.attempt(one)
            if not outcome.ok:
                break

    def attempt(self, one: Delivery, last: bool = False) -> Outcome:
        """Try one message and write down what became of it; after the ``last`` attempt it is given up."""
        begun = time.monotonic()
        channel = self.channels.named(one.channel)
        try:
            if channel is None:
                raise Unsent("这个通道已不在设置里 · no such channel any more")
            told = send(channel, one, self.content)
            ok = True
        except (Unsent, ConfigurationError) as error:
            told, ok = str(error), False
        except Exception as error:
            log.exception("delivery_failed", channel=one.channel)
            told, ok = f"{type(error).__name__}: {error}", False
        outcome = Outcome(ok, told[:TOLD], round((time.monotonic() - begun) * 1000))
        self._note(one, outcome, last)
        telemetry.metric("deliveries_total").labels(one.channel, "sent" if ok else "failed").inc()
        return outcome

    def _note(self, one: Delivery, outcome: Outcome, last: bool) -> None:
        tries, now = one.tries + 1, machine_ms()
        if outcome.ok:
            state, due, ended = "sent", now, now
        elif last or tries >= self.tries:
            state, due, ended = "dead", now, now
        else:
            state, due, ended = "waiting", now + round(pause_ms(one.id, tries) * self._scale), None
        with self.history.writing() as connection:
            connection.execute(
                update(t.delivery)
                .where(t.delivery.c.id == one.id)
                .values(state=state, tries=tries, due_at=due, ended_at=ended)
            )
            if not outcome.ok:
                # Whoever did not answer is not asked for the next message before this one's pause is over.
                d = t.delivery.c
                behind = (d.channel == one.channel, d.state == "waiting", d.due_at < due, d.id != one.id)
                connection.execute(update(t.delivery).where(*behind).values(due_at=due))
            connection.execute(
                insert(t.delivery_try).values(
                    delivery=one.id,
                    n=tries,
                    at=now,
                    outcome="sent" if outcome.ok else "failed",
                    told=outcome.told,
                    took_ms=outcome.took_ms,
                )
            )
        log.info("delivery", channel=one.channel, id=one.id, outcome=state, tries=tries, told=outcome.told)


# -- the two kinds of channel


def send(channel: Channel, one: Delivery, content: Content | None = None) -> str:
    """Send a message, by mail with the files that it names; returns what the other side said.

    Raises:
        Unsent: it has not arrived.
    """
    try:
        return _post(channel, one) if channel.kind == "webhook" else _mail(channel, one, content)
    except (OSError, http.client.HTTPException, smtplib.SMTPException) as error:
        raise Unsent(f"{type(error).__name__}: {error}") from error


def signature(key: bytes, timestamp: str, body: bytes) -> str:
    """What a receiver compares with."""
    return "v1=" + hmac.new(key, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _post(channel: Channel, one: Delivery) -> str:
    parts = urlsplit(channel.url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    body = one.body.encode()
    stamp = str(machine_ms() // 1000)
    line = _connected(host, port, channel.trust() if parts.scheme == "https" else None)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Townwatch",
            "X-Townwatch-Id": one.id,
            "X-Townwatch-Timestamp": stamp,
            "X-Townwatch-Signature": signature(channel.key(), stamp, body),
        }
        line.request("POST", target, body, headers)
        answer = line.getresponse()
        text = answer.read(TOLD).decode("utf-8", "replace")
    finally:
        line.close()
    if not 200 <= answer.status < 300:
        raise Unsent(f"HTTP {answer.status} {text}".strip())
    return f"HTTP {answer.status}"


def _connected(host: str, port: int, context: ssl.SSLContext | None) -> http.client.HTTPConnection:
    """A connection to an address that was looked at: what is checked is what is called."""
    address = allowed_address(host, port)
    if context is not None:
        line: http.client.HTTPConnection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
        line.sock = context.wrap_socket(socket.create_connection(address, TIMEOUT_S), server_hostname=host)
    else:
        line = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        line.sock = socket.create_connection(address, TIMEOUT_S)
    return line


def allowed_address(host: str, port: int) -> tuple[str, int]:
    """The address of a host.

    Raises:
        Unsent: there is none, or it is one that no message may go to.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unsent(f"{host}: {error}") from error
    for *_, where in found:
        address = ipaddress.ip_address(str(where[0]).partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        reserved = mapped.is_reserved and not mapped.is_loopback
        if mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified or reserved:
            raise Unsent(f"{host} 指向 {mapped}，不允许 · {host} resolves to {mapped}, which is not allowed")
    return str(found[0][4][0]), port


def _mail(channel: Channel, one: Delivery, content: Content | None) -> str:
    body = msgspec.json.decode(one.body)
    subject, text = mail(body, channel.lang)
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = channel.sender
    message["To"] = ", ".join(channel.to)
    message["Message-ID"] = f"<{one.id}@townwatch>"
    message["X-Townwatch-Id"] = one.id
    message.set_content(text)
    if content is not None:
        for file in body.get("attach", ()):
            main, _, sub = file["media"].partition("/")
            message.add_attachment(content(file["sha256"]), maintype=main, subtype=sub, filename=file["name"])
    address, port = allowed_address(channel.host, channel.port)
    with smtplib.SMTP(timeout=TIMEOUT_S) as server:
        # The certificate is checked against the name, the line goes to the address that was looked at.
        server._host = channel.host  # type: ignore[attr-defined]
        server.connect(address, port)
        if channel.starttls:
            server.starttls(context=channel.trust())
        if channel.username:
            if not channel.starttls and not ipaddress.ip_address(address).is_loopback:
                raise Unsent("没有 STARTTLS 就不发送密码 · no password is sent without STARTTLS")
            server.login(channel.username, channel.pass_word())
        refused = server.send_message(message)
    return f"250, {len(channel.to) - len(refused)} / {len(channel.to)}"


__all__ = ["Deliveries", "Delivery", "Outcome", "Unsent", "allowed_address", "pause_ms", "send", "signature"]
