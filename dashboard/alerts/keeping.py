"""Alerts that have been over for long leave the database with their steps and what was told outside of them.

Alerts are no record and no figure is made of them: every figure of every day stays as it is. What is not over stays,
however old it is, and so does a message that has not arrived yet.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import delete, exists, select

from dashboard.access.audit import Audit, Kind
from dashboard.domain.day import HOUR
from dashboard.queries.alerting.life import State
from dashboard.stores import tables as t
from dashboard.stores.history import History

AT_ONCE = 500
"""Alerts, or messages, of one transaction: the engine that raises alerts writes to the same tables."""
BY = "system"


class Swept(msgspec.Struct, frozen=True):
    """How many left."""

    alerts: int = 0
    deliveries: int = 0


def sweep(history: History, audit: Audit, now: int, keep_days: int) -> Swept:
    """Let go of alerts that ended ``keep_days`` or longer ago, and of messages that are as old and told of no other.

    ``now`` is the world's clock, ms. What goes is noted in the audit first.

    Raises:
        StoreUnavailable: the database does not answer; what is gone is gone, and another run goes on.
    """
    before = now - keep_days * 24 * HOUR
    alerts = _alerts(history, audit, now, before)
    return Swept(alerts, _deliveries(history, audit, now, before))


def _alerts(history: History, audit: Audit, now: int, before: int) -> int:
    a, gone = t.alert.c, 0
    over = (a.state == str(State.RESOLVED), a.holds.is_(None), a.changed_at < before)
    while True:
        with history.reading() as connection:
            due = list(connection.scalars(select(a.id).where(*over).order_by(a.changed_at).limit(AT_ONCE)))
        if not due:
            return gone
        audit.note(now, BY, Kind.ERASE, "alerts", detail={"why": "retention", "count": len(due)})
        with history.engine.connect().execution_options(writing=True) as connection, connection.begin():
            # Asked again: what was raised anew meanwhile stays.
            due = list(connection.scalars(select(a.id).where(a.id.in_(due), *over)))
            connection.execute(delete(t.alert_step).where(t.alert_step.c.alert.in_(due)))
            connection.execute(delete(t.delivery_alert).where(t.delivery_alert.c.alert.in_(due)))
            connection.execute(delete(t.alert).where(a.id.in_(due)))
        gone += len(due)
        if not due:
            return gone


def _deliveries(history: History, audit: Audit, now: int, before: int) -> int:
    d, told, gone = t.delivery.c, t.delivery_alert.c, 0
    over = (d.state != "waiting", d.made_at < before, ~exists().where(told.delivery == d.id))
    while True:
        with history.reading() as connection:
            due = list(connection.scalars(select(d.id).where(*over).order_by(d.made_at).limit(AT_ONCE)))
        if not due:
            return gone
        audit.note(now, BY, Kind.ERASE, "deliveries", detail={"why": "retention", "count": len(due)})
        with history.engine.connect().execution_options(writing=True) as connection, connection.begin():
            connection.execute(delete(t.delivery_try).where(t.delivery_try.c.delivery.in_(due)))
            connection.execute(delete(t.delivery).where(d.id.in_(due)))
        gone += len(due)


__all__ = ["Swept", "sweep"]
