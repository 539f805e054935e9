"""Reads alerts from SQL: for pages, the wall and the API. Both databases; times are ms since 1970 UTC."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from dashboard.queries.alerting.life import Alert, Mark, State, Step, What
from dashboard.stores import tables as t
from dashboard.stores.history import History

decode_alert = msgspec.msgpack.Decoder(Alert).decode
decode_mark = msgspec.msgpack.Decoder(Mark).decode
VERSION = "version"
"""The mark that counts the transactions of the engine: whoever has read it knows whether anything is new."""
OPEN_LIMIT = 50_000


def version(connection: Connection) -> int:
    """How many transactions of the engine there have been."""
    body = connection.scalar(select(t.alert_mark.c.body).where(t.alert_mark.c.name == VERSION))
    return decode_mark(body).day if body is not None else 0


class AlertBook:
    """Alerts for readers. Safe to share between threads."""

    def __init__(self, history: History) -> None:
        self.history = history
        self._lock = threading.Lock()
        self._read: tuple[int, tuple[Alert, ...]] | None = None

    def current(self) -> tuple[Alert, ...]:
        """Alerts that are raised and not over, and those that ended lately and still hold their cause; newest first."""
        with self.history.reading() as connection:
            at = version(connection)
            kept = self._read
            if kept is not None and kept[0] == at:
                return kept[1]
            rows = connection.execute(
                select(t.alert.c.body)
                .where(t.alert.c.holds.is_not(None), t.alert.c.state != str(State.PENDING))
                .limit(OPEN_LIMIT)
            )
            found = tuple(sorted((decode_alert(row.body) for row in rows), key=lambda one: (-one.begun_at, one.id)))
        with self._lock:
            self._read = (at, found)
        return found

    def one(self, name: str) -> Alert | None:
        """An alert by its id."""
        if not (name.isascii() and name.isalnum()):
            return None
        with self.history.reading() as connection:
            body = connection.scalar(select(t.alert.c.body).where(t.alert.c.id == name))
        return decode_alert(body) if body is not None else None

    def steps(self, name: str) -> list[Step]:
        """The steps of an alert's life, oldest first."""
        with self.history.reading() as connection:
            rows = connection.execute(
                select(t.alert_step).where(t.alert_step.c.alert == name).order_by(t.alert_step.c.n)
            )
            return [
                Step(row.alert, row.n, row.at, What(row.what), row.who, msgspec.json.decode(row.detail)) for row in rows
            ]

    def past(self, towns: Collection[str] | None, before: int, limit: int = 200) -> list[Alert]:
        """Alerts that are over and changed before an instant, the latest first, of some towns (``None``: of all)."""
        statement = (
            select(t.alert.c.body)
            .where(t.alert.c.state == str(State.RESOLVED), t.alert.c.changed_at < before)
            .order_by(t.alert.c.changed_at.desc())
            .limit(limit)
        )
        if towns is not None:
            statement = statement.where(t.alert.c.town.in_(sorted(towns)))
        with self.history.reading() as connection:
            return [decode_alert(row.body) for row in connection.execute(statement)]

    def deliveries(self, name: str) -> list[dict[str, Any]]:
        """What was told outside of an alert, with every attempt, newest first."""
        d, a, tried = t.delivery.c, t.delivery_alert.c, t.delivery_try.c
        with self.history.reading() as connection:
            ids = [row.delivery for row in connection.execute(select(a.delivery).where(a.alert == name))]
            if not ids:
                return []
            rows = list(
                connection.execute(select(t.delivery).where(d.id.in_(ids[-60:])).order_by(d.made_at.desc(), d.id))
            )
            attempts: dict[str, list[dict[str, Any]]] = {}
            for row in connection.execute(
                select(t.delivery_try).where(tried.delivery.in_([row.id for row in rows])).order_by(tried.n)
            ):
                attempts.setdefault(row.delivery, []).append(
                    {"n": row.n, "at": row.at, "outcome": row.outcome, "told": row.told, "took_ms": row.took_ms}
                )
        return [
            {
                "id": row.id,
                "channel": row.channel,
                "kind": row.kind,
                "made_at": row.made_at,
                "state": row.state,
                "tries": row.tries,
                "attempts": attempts.get(row.id, []),
            }
            for row in rows
        ]


__all__ = ["VERSION", "AlertBook", "decode_alert", "decode_mark", "version"]
