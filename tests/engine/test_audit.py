"""The audit: one chain for writers of several processes, rows that stay, and a verdict that names the row."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from dashboard.access.audit import FIRST, HEAD_FILE, Audit, Entry, Kind, Wanted, digest_of
from dashboard.errors import StoreUnavailable, TownwatchError
from dashboard.stores.history import open_engine

NOW = 1_582_000_000_000


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def audit(engine: Engine, tmp_path: Path) -> Audit:
    return Audit(engine, tmp_path)


def write(url: str, folder: str, who: str, count: int) -> None:
    """What another process does."""
    engine = open_engine(url)
    audit = Audit(engine, Path(folder))
    for number in range(count):
        audit.note(NOW + number, who, Kind.CHANGE, f"rules/{number}", "330421111", detail={"n": number})
    engine.dispose()


def test_writers_of_several_processes_make_one_chain(database_url: str, audit: Audit, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    others = [spawn.Process(target=write, args=(database_url, str(tmp_path), f"p{n}", 25)) for n in range(2)]
    for other in others:
        other.start()
    write(database_url, str(tmp_path), "here", 25)
    for other in others:
        other.join(60)
        assert other.exitcode == 0
    verdict = audit.verify()
    assert (verdict.rows, verdict.whole, verdict.anchored) == (75, True, 75)
    assert {one.who for one in audit.rows(limit=100)} == {"p0", "p1", "here"}
    assert audit.anchored() == audit.head()


def test_the_database_refuses_to_change_a_row(engine: Engine, audit: Audit) -> None:
    audit.note(NOW, "amy", Kind.SIGN_IN)
    for act in ("UPDATE audit SET who = 'bob'", "DELETE FROM audit"):
        with pytest.raises(DBAPIError, match="never changed"), engine.begin() as connection:
            connection.execute(text(act))
    assert audit.verify().whole


def unprotected(engine: Engine) -> None:
    """What somebody does who owns the database."""
    names = ("audit_no_update", "audit_no_delete") if engine.dialect.name == "sqlite" else ("audit_fixed ON audit",)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        for name in names:
            connection.execute(text(f"DROP TRIGGER {name}"))


def forged(audit: Audit, number: int) -> dict[str, object]:
    """A row with a hash that is right for itself."""
    old = next(one for one in audit.rows() if one.number == number)
    new = msgspec.structs.replace(old, who="nobody")
    return {"who": "nobody", "hash": digest_of(new), "number": number}


TAMPERED: dict[str, tuple[Callable[[Audit], tuple[str, dict[str, object]]], list[tuple[str, int, int]]]] = {
    "a changed row": (lambda _: ("UPDATE audit SET who = 'x' WHERE number = 3", {}), [("changed", 3, 3)]),
    "a changed row with its hash made anew": (
        lambda audit: ("UPDATE audit SET who = :who, hash = :hash WHERE number = :number", forged(audit, 3)),
        [("replaced", 3, 4)],
    ),
    "detail that is no JSON": (lambda _: ("UPDATE audit SET detail = 'x' WHERE number = 2", {}), [("changed", 2, 2)]),
    "removed rows": (lambda _: ("DELETE FROM audit WHERE number IN (2, 3)", {}), [("removed", 2, 3)]),
    "a removed first row": (lambda _: ("DELETE FROM audit WHERE number = 1", {}), [("removed", 1, 1)]),
    "a cut-off tail": (lambda _: ("DELETE FROM audit WHERE number > 4", {}), [("truncated", 5, 6)]),
    "an emptied table": (lambda _: ("DELETE FROM audit", {}), [("truncated", 1, 6)]),
    "an inserted row": (
        lambda _: (
            "INSERT INTO audit SELECT 0, at, who, kind, what, town, outcome, detail, before, hash"
            " FROM audit WHERE number = 2",
            {},
        ),
        [("inserted", 0, 0)],
    ),
    "a last row put in the place of another": (
        lambda audit: ("UPDATE audit SET who = :who, hash = :hash WHERE number = :number", forged(audit, 6)),
        [("rewritten", 6, 6)],
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_verifying_says_which_row(how: str, engine: Engine, audit: Audit) -> None:
    for number in range(6):
        audit.note(NOW + number, "amy", Kind.VIEW, f"disputes/{number}")
    make, expected = TAMPERED[how]
    statement, values = make(audit)
    unprotected(engine)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        connection.execute(text(statement), values)
    found = [(one.problem, one.number, one.last) for one in audit.verify().findings]
    assert ("unprotected", 0, 0) in found
    # What follows from the change may be named too, and the change itself is.
    assert set(expected) <= set(found), found


def test_a_row_between_two_breaks_the_chain(engine: Engine, audit: Audit) -> None:
    """Numbers after it moved on by one: everything from there on no longer fits."""
    for number in range(4):
        audit.note(NOW + number, "amy", Kind.VIEW, f"disputes/{number}")
    unprotected(engine)
    new = Entry(3, NOW, "mallory", "view", "x", "", "done", {}, next(e for e in audit.rows() if e.number == 2).hash, "")
    values = msgspec.structs.asdict(new) | {"detail": "{}", "hash": digest_of(new)}
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        connection.execute(text("UPDATE audit SET number = 5 WHERE number = 4"))
        connection.execute(text("UPDATE audit SET number = 4 WHERE number = 3"))
        connection.execute(
            text(
                "INSERT INTO audit VALUES (:number, :at, :who, :kind, :what, :town, :outcome, :detail, :before, :hash)"
            ),
            values,
        )
    found = {(one.problem, one.number, one.last) for one in audit.verify().findings}
    assert ("replaced", 3, 4) in found
    assert {("changed", 4, 4), ("changed", 5, 5)} <= found


def test_a_chain_made_anew_from_the_start_is_found_by_the_anchor(engine: Engine, audit: Audit, tmp_path: Path) -> None:
    audit.note(NOW, "amy", Kind.REVEAL, "callback/1")
    audit.note(NOW, "amy", Kind.REVEAL, "callback/2")
    written_down = audit.head()
    unprotected(engine)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        connection.execute(text("DELETE FROM audit"))
    other = Audit(engine)
    other.note(NOW, "bob", Kind.REVEAL, "callback/1")
    other.note(NOW, "bob", Kind.REVEAL, "callback/2")
    assert "rewritten" in {one.problem for one in audit.verify().findings}
    (tmp_path / HEAD_FILE).unlink()
    assert "unanchored" in {one.problem for one in audit.verify().findings}
    assert "rewritten" in {one.problem for one in audit.verify(expected=written_down).findings}


def test_no_personal_data_and_no_token_goes_in(audit: Audit) -> None:
    audit.note(
        NOW,
        "13812345678",
        Kind.VIEW,
        "disputes/13812345678\x00\n",
        detail={"说明": "身份证 110101199003074477", "令牌": "tww_abcdefghijklmnop"},
    )
    (row,) = audit.rows()
    kept = f"{row.who} {row.what} {row.detail}"
    assert not any(sign in kept for sign in ("5678", "1990", "abcdefgh", "\x00", "\n"))
    assert audit.verify().whole


def test_a_search_finds_by_who_kind_object_town_and_time(audit: Audit) -> None:
    audit.note(NOW, "amy", Kind.VIEW, "disputes/d_1", "330421111")
    audit.note(NOW + 10, "amy", Kind.EXPORT, "disputes.csv", "330421111")
    audit.note(NOW + 20, "bob", Kind.VIEW, "disputes/d%2", "330421112", detail={"reason": "x_y"})
    found = [
        [one.number for one in audit.rows(wanted)]
        for wanted in (
            Wanted(who="amy"),
            Wanted(kind="view"),
            Wanted(what="d_1"),
            Wanted(what="%"),
            Wanted(what="x_y"),
            Wanted(town="330421112"),
            Wanted(first=NOW + 10, last=NOW + 20),
        )
    ]
    assert found == [[2, 1], [3, 1], [1], [3], [3], [3], [2]]
    assert audit.count(Wanted(who="amy")) == 2
    assert [one.number for one in audit.rows(limit=2, below=3)] == [2, 1]
    assert audit.rows()[-1].before == FIRST


def test_alike_refusals_are_one_row(audit: Audit) -> None:
    for _ in range(50):
        audit.refused(NOW, "anonymous", "POST /api/v1/events/patrol")
    audit.refused(NOW, "anonymous", "POST /api/v1/events/dispute")
    assert audit.count() == 2


def test_without_the_database_an_act_is_refused_and_a_refusal_stands(tmp_path: Path) -> None:
    away = Audit(open_engine(f"sqlite:///{tmp_path / 'no' / 'such.db'}"))
    with pytest.raises(StoreUnavailable, match="没有做"):
        away.note(NOW, "amy", Kind.REVEAL, "callback/1")
    away.refused(NOW, "amy", "callback/1")
    with pytest.raises(StoreUnavailable):
        away.rows()
    with suppress(TownwatchError):
        away.once(NOW, "amy", Kind.VIEW, "x")
    with pytest.raises(StoreUnavailable):
        away.once(NOW, "amy", Kind.VIEW, "x")
