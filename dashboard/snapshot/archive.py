"""Where snapshots are final: content-addressed files and a chain of hashes, on disk under the data directory.

``objects/ab/cdef…`` holds every form by the SHA-256 of its bytes. ``chain/NNNNNN.json`` is one link a publication: its
day, kind, edition, forms with their hashes, and the hash of the link before. A link is the last thing written and its
name is taken with a hard link, which fails when there is one: so a publication is there as a whole or not at all,
whatever is killed, and of two processes that publish the same one wins. Nothing of these is ever overwritten.

``drafts/DAY-KIND-EDITION.json`` is a snapshot that waits for its release: no link of the chain, and replaceable.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

from dashboard.errors import ConfigurationError
from dashboard.snapshot.brief import Brief, from_json

FIRST = "0" * 64
"""What the first link names as the one before it."""


class Link(msgspec.Struct, frozen=True):
    """One publication. ``before`` is the SHA-256 of the previous link's file; ``files`` is name -> SHA-256."""

    number: int
    before: str
    day: int
    kind: str
    edition: str
    issue: int
    at: int
    known_seq: int
    published_at: int
    files: dict[str, str]
    draft: bool = False
    released_by: str = ""
    """Who released it, where a person does."""

    @property
    def key(self) -> tuple[int, str, str]:
        """What there is only one of."""
        return (self.day, self.kind, self.edition)


class Finding(msgspec.Struct, frozen=True):
    """What is wrong with an archive: which file, and what."""

    file: str
    zh: str
    en: str


class AlreadyPublished(ConfigurationError):
    """That snapshot is published, and a published one never changes."""


class Archive:
    """The snapshots of one data directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects, self.chain, self.waiting = folder / "objects", folder / "chain", folder / "drafts"

    def links(self) -> list[Link]:
        """Every publication, oldest first."""
        return [link for link, _ in self._read()]

    def _read(self) -> Iterator[tuple[Link, bytes]]:
        for path in sorted(self.chain.glob("*.json")):
            body = path.read_bytes()
            yield msgspec.json.decode(body, type=Link), body

    def link(self, day: int, kind: str = "day", edition: str = "all") -> Link | None:
        """The publication of a day, if there is one."""
        return next((one for one in self.links() if one.key == (day, kind, edition)), None)

    def drafts(self) -> list[Link]:
        """What waits for its release, oldest day first; what was released meanwhile is none."""
        published = {link.key for link in self.links()}
        found = [msgspec.json.decode(path.read_bytes(), type=Link) for path in sorted(self.waiting.glob("*.json"))]
        return [link for link in found if link.key not in published]

    def draft(self, day: int, kind: str = "day", edition: str = "all") -> Link | None:
        """The draft of a day, if one waits."""
        return next((one for one in self.drafts() if one.key == (day, kind, edition)), None)

    def lay(self, brief: Brief, forms: Mapping[str, bytes], now: int) -> Link:
        """Keep a snapshot for its release; an earlier draft of the same day, kind and edition is replaced.

        Raises:
            AlreadyPublished: that snapshot is published.
        """
        self._refuse_published([link for link, _ in self._read()], brief)
        self.waiting.mkdir(parents=True, exist_ok=True)
        files = {name: self._keep(body) for name, body in forms.items()}
        link = _link(brief, files, 0, FIRST, now, draft=True)
        temporary = self._temporary(msgspec.json.format(msgspec.json.encode(link), indent=1))
        temporary.replace(self.waiting / f"{brief.day}-{brief.kind}-{brief.edition}.json")
        _synced(self.waiting)
        return link

    def _refuse_published(self, held: list[Link], brief: Brief) -> None:
        if any(link.key == (brief.day, brief.kind, brief.edition) for link in held):
            day = f"{brief.day // 10000}-{brief.day // 100 % 100:02d}-{brief.day % 100:02d}"
            raise AlreadyPublished(
                f"{day} 的快照已经发布，发布后不再改动，更正见下一期"
                f" · The snapshot of {day} is published and never changes: the next one states corrections."
            )

    def read(self, link: Link, name: str) -> bytes:
        """One form of a publication.

        Raises:
            KeyError: it has no such form.
            ConfigurationError: the stored bytes are not those that were published.
        """
        return self.content(link.files[name], f"{name}（{link.day}）", f"{name} of {link.day}")

    def content(self, digest: str, zh: str = "文件", en: str = "The file") -> bytes:
        """A form by the SHA-256 of its bytes.

        Raises:
            ConfigurationError: the stored bytes are not those that were published.
        """
        try:
            body = self._object(digest).read_bytes()
        except OSError:
            body = b""
        if sha256(body).hexdigest() != digest:
            raise ConfigurationError(
                f"{zh}已被改动或丢失，请从备份恢复 {self._object(digest)}"
                f" · {en} was changed or is gone: restore {self._object(digest)} from a backup."
            )
        return body

    def brief(self, link: Link) -> Brief:
        """The figures of a publication."""
        return from_json(self.read(link, "json"))

    def briefs(self, edition: str = "all", before: int | None = None, last: int = 14) -> list[Brief]:
        """The figures of the last day snapshots of an edition before a day, oldest first."""
        found = [
            link
            for link in self.links()
            if link.kind == "day" and link.edition == edition and (before is None or link.day < before)
        ]
        return [self.brief(link) for link in sorted(found, key=lambda one: one.day)[-last:]]

    def publish(
        self,
        brief: Brief,
        forms: Mapping[str, bytes],
        now: int,
        reached: Callable[[str], None] | None = None,
        by: str = "",
    ) -> Link:
        """Make a snapshot final. ``reached`` is told after every step, for tests of being killed there.

        Raises:
            AlreadyPublished: there is one of that day, kind and edition.
        """
        told = reached or (lambda step: None)
        self.chain.mkdir(parents=True, exist_ok=True)
        files = {}
        for name, body in forms.items():
            files[name] = self._keep(body)
            told(f"form {name}")
        while True:
            held = list(self._read())
            self._refuse_published([link for link, _ in held], brief)
            before = sha256(held[-1][1]).hexdigest() if held else FIRST
            link = _link(brief, files, len(held) + 1, before, now, by=by)
            temporary = self._temporary(msgspec.json.format(msgspec.json.encode(link), indent=1))
            told("link written")
            try:
                os.link(temporary, self.chain / f"{link.number:06d}.json")
            except FileExistsError:
                continue  # another process has published meanwhile: the chain goes on from there
            finally:
                temporary.unlink()
            _synced(self.chain)
            told("link taken")
            # What waited for this is done with; were it left by a kill here, drafts() passes over it.
            (self.waiting / f"{brief.day}-{brief.kind}-{brief.edition}.json").unlink(missing_ok=True)
            return link

    def _object(self, digest: str) -> Path:
        return self.objects / digest[:2] / digest[2:]

    def _keep(self, body: bytes) -> str:
        digest = sha256(body).hexdigest()
        path = self._object(digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._temporary(body)
            temporary.chmod(0o444)
            temporary.replace(path)
            _synced(path.parent)
        return digest

    def _temporary(self, body: bytes) -> Path:
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix=".new-", delete=False) as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        return Path(file.name)

    def verify(self) -> list[Finding]:
        """Everything that is wrong: broken links of the chain, changed or lost files. Nothing: all is as published."""
        found: list[Finding] = []
        before, number = FIRST, 0
        for path in sorted(self.chain.glob("*.json")):
            number += 1
            body = path.read_bytes()
            try:
                link = msgspec.json.decode(body, type=Link)
            except msgspec.DecodeError:
                found.append(Finding(path.name, "读不出来", "cannot be read"))
                before = sha256(body).hexdigest()
                continue
            if path.name != f"{number:06d}.json" or link.number != number:
                found.append(
                    Finding(path.name, f"编号应为 {number}，前面缺了一期或多了一期", f"should be number {number}")
                )
                number = link.number
            if link.before != before:
                found.append(
                    Finding(path.name, "与前一期的哈希不符，前一期被改动过", "does not follow the one before it")
                )
            for name, digest in link.files.items():
                held = self._object(digest)
                if not held.is_file():
                    found.append(Finding(f"{link.day}.{name}", "文件丢失", "is gone"))
                elif sha256(held.read_bytes()).hexdigest() != digest:
                    found.append(Finding(f"{link.day}.{name}", "内容与发布时不同", "differs from what was published"))
            before = sha256(body).hexdigest()
        return found

    def head(self) -> str:
        """The hash of the last link: noted elsewhere, it proves the whole chain."""
        last = FIRST
        for _, body in self._read():
            last = sha256(body).hexdigest()
        return last

    def sweep(self) -> None:
        """Throw away what a killed publication left: unfinished files only, never an object or a link."""
        for path in self.folder.glob(".new-*"):
            with contextlib.suppress(OSError):
                path.unlink()


def _link(
    brief: Brief, files: dict[str, str], number: int, before: str, now: int, draft: bool = False, by: str = ""
) -> Link:
    return Link(
        number=number,
        before=before,
        day=brief.day,
        kind=brief.kind,
        edition=brief.edition,
        issue=brief.number,
        at=brief.at,
        known_seq=brief.known_seq,
        published_at=now,
        files=files,
        draft=draft,
        released_by=by,
    )


def _synced(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


__all__ = ["FIRST", "AlreadyPublished", "Archive", "Finding", "Link"]
