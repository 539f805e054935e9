"""Published snapshots told to the channels that ask for them, each to its scope, with the PDF where it goes by mail.

What is published is read from the archive and queued under a name that its publication makes, so looking again, after a
restart or by another process, queues nothing twice. The worker and the web process share the data directory.
"""

from __future__ import annotations

from typing import Any

from dashboard.alerts.channels import Channel
from dashboard.alerts.deliver import Deliveries
from dashboard.clock import Clock
from dashboard.domain.day import HOUR, as_date
from dashboard.snapshot.archive import Archive, Link
from dashboard.snapshot.brief import Brief
from dashboard.snapshot.sheet import sheet_of

LATEST_MS = 24 * HOUR
"""What was published earlier is told no more: a channel that is new does not receive the whole archive."""
ATTACHED = "pdf"
MEDIA = "application/pdf"


class Briefs:
    """Looks at one archive."""

    def __init__(self, archive: Archive, deliveries: Deliveries, clock: Clock, public_url: str = "") -> None:
        self.archive, self.deliveries, self.clock, self.public_url = archive, deliveries, clock, public_url
        self._seen: tuple[int, tuple[Channel, ...]] | None = None

    def look(self) -> int:
        """Queue what was published and not told yet. Returns how many messages were queued or already there."""
        channels = tuple(channel for channel in self.deliveries.channels.all() if channel.snapshots)
        try:
            stamp = (self.archive.chain.stat().st_mtime_ns, channels)
        except OSError:
            return 0
        if stamp == self._seen:
            return 0
        now, count = self.clock.now(), 0
        fresh = [link for link in self.archive.links() if link.published_at > now - LATEST_MS] if channels else []
        for link in fresh:
            asking = [channel for channel in channels if channel.reads(link.kind, link.edition)]
            if asking:
                count += self._queue(link, asking)
        self._seen = stamp
        return count

    def _queue(self, link: Link, channels: list[Channel]) -> int:
        body = message(self.archive.brief(link), link, self.public_url)
        about = f"snapshot {link.day} {link.kind} {link.edition}"
        with self.deliveries.history.writing() as connection:
            for channel in channels:
                self.deliveries.queue(
                    connection, channel.name, "snapshot", about, link.edition, body, link.published_at
                )
        return len(channels)


def message(brief: Brief, link: Link, public_url: str = "") -> dict[str, Any]:
    """What a channel is told of a publication: its words in both languages, and where its forms are."""
    sheets = {lang: sheet_of(brief, lang) for lang in ("zh", "en")}
    date = as_date(link.day).isoformat()
    query = f"?kind={link.kind}&town={link.edition}"
    return {
        "kind": "snapshot",
        "date": date,
        "span": link.kind,
        "edition": link.edition,
        "number": link.issue,
        "world": brief.world,
        "subject": {lang: f"{sheet.title} {date} {sheet.number}" for lang, sheet in sheets.items()},
        "text": {lang: "".join(run.text for run in sheet.prose) for lang, sheet in sheets.items()},
        "link": f"{public_url}/snapshots/{date}{query}" if public_url else "",
        "forms": {name: {"sha256": digest} for name, digest in link.files.items()},
        "attach": [{"name": f"snapshot-{date}.{ATTACHED}", "media": MEDIA, "sha256": link.files[ATTACHED]}],
    }


__all__ = ["Briefs", "message"]
