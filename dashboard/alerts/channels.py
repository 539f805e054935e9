"""Where alerts are told: the file of channels, checked. Nothing is sent here.

``channels.json`` in the data directory (or the setting ``channels_file``) is a list of objects; how each kind is
written: docs/how-to/alerts.md. Only addresses that stand in this file are ever called.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from dashboard.errors import ConfigurationError
from dashboard.queries.alerting.rules import ROLES
from dashboard.settings import Settings

FILE = "channels.json"


class Channel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way out. ``towns`` ``None``: every town and what concerns the whole region."""

    name: str
    kind: Literal["webhook", "email"]
    lang: Literal["zh", "en"] = "zh"
    towns: frozenset[str] | None = None
    severity: Literal["watch", "alert"] = "watch"
    """The least urgent that is told."""
    rules: frozenset[str] | None = None
    roles: frozenset[str] = frozenset(ROLES)
    resolved: bool = True
    """Whether it is told that something is over."""
    snapshots: frozenset[Literal["day", "week", "campaign"]] = frozenset()
    """Which published snapshots it is sent: the region's, or with ``towns`` those towns' editions."""
    ca_file: str = ""
    """Certificates to trust instead of the machine's own: an intranet's authority."""
    url: str = ""
    secret: str = ""
    secret_file: str = ""
    host: str = ""
    port: int = 25
    starttls: bool = False
    username: str = ""
    password: str = ""
    password_file: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()

    def hears(self, rule: str, town: str, severity: str, role: str, what: str) -> bool:
        """Whether it is to be told of a step of an alert."""
        if self.towns is not None and town not in self.towns:
            return False
        if self.severity == "alert" and severity != "alert":
            return False
        if self.rules is not None and rule not in self.rules:
            return False
        if what == "resolved":
            return self.resolved and any(ROLES.index(one) <= ROLES.index(role) for one in self.roles)
        return role in self.roles

    def reads(self, kind: str, edition: str) -> bool:
        """Whether it is sent a snapshot of that kind and edition."""
        return kind in self.snapshots and (edition == "all" if self.towns is None else edition in self.towns)

    def key(self) -> bytes:
        """The secret that signs a webhook's body.

        Raises:
            ConfigurationError: its file cannot be read.
        """
        return (_secret(self.secret_file, self.name) if self.secret_file else self.secret).encode()

    def trust(self) -> ssl.SSLContext:
        """What a server's certificate is checked against.

        Raises:
            ConfigurationError: the file of certificates cannot be read.
        """
        try:
            return ssl.create_default_context(cafile=self.ca_file or None)
        except OSError as error:
            raise ConfigurationError(
                f"通道 {self.name} 的证书文件 {self.ca_file} 读不出来（{error}）"
                f" · Channel {self.name}: its certificates {self.ca_file} cannot be read ({error})."
            ) from None

    def pass_word(self) -> str:
        """The password of the mail account."""
        return _secret(self.password_file, self.name) if self.password_file else self.password


def file_of(settings: Settings) -> Path:
    """Where the channels of a data directory stand."""
    return Path(settings.channels_file) if settings.channels_file else settings.data_dir / FILE


def _secret(file: str, name: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(
            f"通道 {name} 的密钥文件 {file} 读不出来（{error.strerror}）"
            f" · Channel {name}: its secret file {file} cannot be read ({error.strerror})."
        ) from None


class Channels:
    """The channels of a data directory, read again when the file changes. A file that is wrong leaves the last good."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int] | None = None
        self._held: tuple[Channel, ...] = ()
        self.trouble = ""

    def all(self) -> tuple[Channel, ...]:
        """The channels in force."""
        try:
            stat = self.path.stat()
        except OSError:
            self._stamp, self._held, self.trouble = None, (), ""
            return ()
        stamp = (stat.st_mtime_ns, stat.st_size)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._held, self.trouble = read(self.path), ""
            except ConfigurationError as error:
                self.trouble = error.sentence
        return self._held

    def named(self, name: str) -> Channel | None:
        """The channel of that name."""
        return next((one for one in self.all() if one.name == name), None)


def read(path: Path) -> tuple[Channel, ...]:
    """The channels that a file declares.

    Raises:
        ConfigurationError: one sentence: which channel, which field, what is allowed.
    """
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ConfigurationError(f"{path} 读不出来（{error}） · {path} cannot be read: {error}.") from None
    if not isinstance(given, list):
        raise ConfigurationError(f"{path} 应为通道的列表 · {path} must be a list of channels.")
    found: list[Channel] = []
    for at, one in enumerate(given, start=1):
        found.append(_checked(path, at, one, [each.name for each in found]))
    return tuple(found)


def _checked(path: Path, at: int, given: Any, taken: Collection[str]) -> Channel:
    try:
        channel = msgspec.convert(given, Channel)
    except msgspec.ValidationError as error:
        raise _wrong(path, at, str(error), str(error)) from None
    if not channel.name or channel.name in taken:
        raise _wrong(path, at, "name 为空或重复", "its name is empty or taken")
    if unknown := sorted(channel.roles - set(ROLES)):
        raise _wrong(path, at, f"roles 里的 {unknown[0]} 应为 {'、'.join(ROLES)}", f"roles: got {unknown[0]}")
    if channel.kind == "webhook":
        parts = urlsplit(channel.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise _wrong(path, at, "url 应为不带账号的 http(s) 地址", "url must be http(s) and carry no account")
        if not channel.secret and not channel.secret_file:
            raise _wrong(path, at, "缺 secret 或 secret_file", "secret or secret_file is missing")
    else:
        if not channel.host or not channel.to or not channel.sender:
            raise _wrong(path, at, "邮件通道要有 host、sender、to", "an email channel needs host, sender and to")
        for address in (channel.sender, *channel.to):
            if address.count("@") != 1 or any(c in address for c in " \r\n,;<>"):
                raise _wrong(path, at, f"邮箱地址 {address!r} 不对", f"{address!r} is no address")
    return channel


def _wrong(path: Path, at: int, zh: str, en: str) -> ConfigurationError:
    return ConfigurationError(f"{path} 第 {at} 个通道：{zh} · {path}, channel {at}: {en}.")


def shown(channels: Sequence[Channel]) -> list[dict[str, str]]:
    """The channels without their secrets."""
    return [
        {"name": one.name, "kind": one.kind, "to": urlsplit(one.url).netloc or f"{one.host}:{one.port}"}
        for one in channels
    ]


__all__ = ["FILE", "Channel", "Channels", "file_of", "read", "shown"]
