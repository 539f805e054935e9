"""Alerts in SQL: what is held of every cause, the steps of each alert's life, marks. Both databases.

The engine writes in one transaction that checks its lease; pages and the API read. Times are ms since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from dashboard.queries.alerting.book import decode_alert, decode_mark
from dashboard.queries.alerting.life import Alert, Mark, Step
from dashboard.stores import tables as t

_encode = msgspec.msgpack.Encoder().encode
_CHUNK = 400
_UPDATE = (
    update(t.alert)
    .where(t.alert.c.id == bindparam("to_id"))
    .values({column.name: bindparam(f"to_{column.name}") for column in t.alert.c if column.name != "id"})
)


def held(connection: Connection) -> dict[str, Alert]:
    """Cause -> the alert that holds it."""
    rows = connection.execute(select(t.alert.c.body).where(t.alert.c.holds.is_not(None)))
    return {alert.cause: alert for alert in (decode_alert(row.body) for row in rows)}


def marks(connection: Connection) -> dict[str, Mark]:
    """Name -> mark."""
    return {row.name: decode_mark(row.body) for row in connection.execute(select(t.alert_mark))}


def save(
    connection: Connection,
    new: Iterable[Alert],
    changed: Iterable[Alert],
    gone: Collection[str],
    steps: Sequence[Step],
    noted: Mapping[str, Mark],
) -> None:
    """Write what a look has changed. ``gone`` are ids of pending alerts that came to nothing."""
    for part in _parts(sorted(gone)):
        connection.execute(delete(t.alert).where(t.alert.c.id.in_(part)))
    # Causes are let go before they are taken again.
    later = [{f"to_{name}": value for name, value in _row(one).items()} for one in changed]
    later.sort(key=lambda row: row["to_holds"] is not None)
    if later:
        connection.execute(_UPDATE, later)
    rows = [_row(one) for one in new]
    if rows:
        connection.execute(insert(t.alert), rows)
    if steps:
        connection.execute(
            insert(t.alert_step),
            [
                {
                    "alert": one.alert,
                    "n": one.n,
                    "at": one.at,
                    "what": str(one.what),
                    "who": one.who[:160],
                    "detail": msgspec.json.encode(one.detail).decode(),
                }
                for one in steps
            ],
        )
    for name, mark in noted.items():
        put_mark(connection, name, mark)


def put_mark(connection: Connection, name: str, mark: Mark) -> None:
    """Write one mark."""
    done = connection.execute(update(t.alert_mark).where(t.alert_mark.c.name == name).values(body=_encode(mark)))
    if not done.rowcount:
        connection.execute(insert(t.alert_mark).values(name=name, body=_encode(mark)))


def _row(one: Alert) -> dict[str, Any]:
    return {
        "id": one.id,
        "holds": one.cause[:200] if one.live else None,
        "rule": one.rule,
        "feed": one.feed,
        "town": one.town,
        "severity": one.severity,
        "state": str(one.state),
        "changed_at": one.changed_at,
        "raised_at": one.raised_at,
        "body": _encode(one),
    }


def _parts(found: Sequence[str]) -> Iterable[Sequence[str]]:
    for start in range(0, len(found), _CHUNK):
        yield found[start : start + _CHUNK]


__all__ = ["held", "marks", "put_mark", "save"]
