"""Records that were not accepted: stored with the reason in plain words, listed, corrected and replayed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import msgspec
from sqlalchemy import func, select, text, update

from dashboard.domain.day import iso
from dashboard.errors import NotAllowed, TownwatchError
from dashboard.feeds import feed_named
from dashboard.stores.history import History
from dashboard.stores.stream import DeadLetter, Stream
from dashboard.stores.tables import dead_letter
from dashboard.telemetry import metric
from ingest.decode import Door, declared
from ingest.intake import Intake, Receipt

_letter = msgspec.json.Decoder(DeadLetter)


def store(history: History, letters: Sequence[DeadLetter]) -> None:
    """Keep letters; one that is already kept is left as it is."""
    if not letters:
        return
    with history.writing() as connection:
        connection.execute(
            text(
                "INSERT INTO dead_letter (ref, feed, source, record, town, received_at, field, got, allowed, message,"
                " body, state) VALUES (:ref, :feed, :source, :record, :town, :received_at, :field, :got, :allowed,"
                " :message, :body, 'open') ON CONFLICT (ref) DO NOTHING"
            ),
            [
                {**msgspec.structs.asdict(letter), "body": json.dumps(letter.body, ensure_ascii=False)}
                for letter in letters
            ],
        )


def drain(history: History, stream: Stream, count: int = 500) -> int:
    """Move dead letters from the road to the store; returns how many."""
    found = stream.read_dead(count)
    if not found:
        return 0
    letters = []
    for entry, data in found:
        try:
            letters.append(_letter.decode(data))
        except msgspec.DecodeError:
            letters.append(_unreadable(entry, data))
    store(history, letters)
    metric("dead_letters_total").labels("refused").inc(len(letters))
    stream.finish_dead([entry for entry, _ in found])
    return len(found)


def _unreadable(entry: str, data: bytes) -> DeadLetter:
    return DeadLetter(
        ref=f"dead:{entry}:{crc32(data):08x}",
        feed="(unknown)",
        source="(road)",
        record=None,
        town=None,
        received_at=int(entry.partition("-")[0]),
        field="(entry)",
        got=f"{len(data)} 字节",
        allowed="由网关写入的退回记录",
        message="这条退回记录不是网关写入的格式，内容未被使用",
        body={},
    )


def listed(
    history: History,
    state: str | None = "open",
    feed: str | None = None,
    limit: int = 200,
    towns: frozenset[str] | None = None,
) -> list[dict[str, Any]]:
    """Letters, newest first; ``state`` is open, corrected, replayed or ``None`` for all."""
    d = dead_letter.c
    statement = select(dead_letter).order_by(d.number.desc()).limit(limit)
    if state is not None:
        statement = statement.where(d.state == state)
    if feed is not None:
        statement = statement.where(d.feed == feed)
    if towns is not None:
        statement = statement.where(d.town.in_(sorted(towns)))
    with history.reading() as connection:
        rows = [dict(row._mapping) for row in connection.execute(statement)]
    return [{**row, "body": json.loads(row["body"])} for row in rows]


def counts(history: History) -> dict[str, int]:
    """Letters by state."""
    with history.reading() as connection:
        rows = connection.execute(select(dead_letter.c.state, func.count()).group_by(dead_letter.c.state))
        return {row[0]: row[1] for row in rows}


def _open(history: History, number: int) -> Any:
    with history.reading() as connection:
        row = connection.execute(select(dead_letter).where(dead_letter.c.number == number)).one_or_none()
    if row is None or row.state == "replayed":
        raise TownwatchError(f"没有编号为 {number} 的待改记录，用 ./townwatch dead-letters list 查看")
    return row


def feed_of(history: History, number: int) -> str:
    """The feed of a letter that waits to be corrected or replayed.

    Raises:
        TownwatchError: there is no such letter.
    """
    return str(_open(history, number).feed)


def correct(history: History, number: int, changes: dict[str, Any]) -> None:
    """Change fields of a kept record; it is sent only when it is replayed.

    Raises:
        TownwatchError: there is no such letter, or the feed declares no such field.
    """
    row = _open(history, number)
    body = json.loads(row.body) | changes
    unknown = sorted(changes.keys() - declared(feed_named(row.feed), body).keys())
    if unknown:
        raise TownwatchError(f"{row.feed} 没有字段 {'、'.join(unknown)}")
    with history.writing() as connection:
        connection.execute(
            update(dead_letter)
            .where(dead_letter.c.number == number)
            .values(state="corrected", body=json.dumps(body, ensure_ascii=False))
        )


def resend(history: History, intake: Intake, door: Door, number: int, changes: dict[str, Any], now: int) -> Receipt:
    """Send a letter through the door again, with ``changes``; it is closed only when it was accepted.

    Raises:
        TownwatchError: there is no such letter.
        NotAllowed: it came from another source than the door's.
    """
    row = _open(history, number)
    if row.source != door.source:
        raise NotAllowed(f"编号 {number} 的记录来自 {row.source}，只能以同一来源重发")
    receipt = intake.accept(feed_named(row.feed), [json.loads(row.body) | changes], door, now)
    if receipt.accepted:
        with history.writing() as connection:
            connection.execute(
                update(dead_letter).where(dead_letter.c.number == number).values(state="replayed", resolved_at=now)
            )
    return receipt


def describe(history: History, feed: str | None = None, limit: int = 50) -> list[str]:
    """A line a letter that waits to be corrected or replayed, newest first."""
    found = [one for one in listed(history, None, feed, limit) if one["state"] != "replayed"]
    if not found:
        return ["没有退回待改的记录 · no dead letters"]
    return [
        f"{one['number']}  {iso(one['received_at'])}  {one['feed']}  {one['source']}  {one['record'] or '—'}  "
        f"{'已改 corrected  ' if one['state'] == 'corrected' else ''}{one['message']}"
        for one in found
    ]
