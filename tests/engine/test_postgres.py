"""What is PostgreSQL's own: months, locks, durability read back, and what is said when it cannot be used."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest
import redis
from psycopg import sql
from sqlalchemy import text

from dashboard.domain.day import iso
from dashboard.errors import ConfigurationError, StoreUnavailable
from dashboard.live import Hub
from dashboard.queries.past import Past
from dashboard.queries.reader import LiveBoards
from dashboard.queries.views import VIEWS
from dashboard.stores import postgres
from dashboard.stores.dialect import shown
from dashboard.stores.history import History, Version, migrate, open_engine
from dashboard.stores.redis_server import RedisServer
from dashboard.wiring import Health
from tests.engine.core import NOON, Core, ms, raising, reading
from tests.postgres_server import INSTALLED, ROLE, PostgresServer, serving

LATE = ("2020-01-31T23:59:59+08:00", "2020-02-01T00:00:00+08:00", "2019-12-31T12:00:00+08:00")


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    """A PostgreSQL database of this test alone, without tables."""
    name = postgres_server.make()
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
def history(url: str) -> Iterator[History]:
    """The same with all tables."""
    engine = open_engine(url)
    migrate(engine)
    yield History(engine)
    engine.dispose()


@pytest.fixture
def database_url(url: str) -> str:
    """What the core of every suite is put on: PostgreSQL alone."""
    return url


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that this test may stop and misconfigure."""
    with serving() as server:
        yield server


def placed(core: Core) -> dict[str, list[tuple[str, int | None]]]:
    """Partition -> (record, the version that took its place) of what lies in it, in order of ``seq``."""
    found: dict[str, list[tuple[str, int | None]]] = {}
    with core.history.reading() as connection:
        rows = connection.execute(text("SELECT tableoid::regclass::text AS part, seq, ended FROM event ORDER BY seq"))
        bodies = core.history.events_by_seq(connection, range(1, 100))
        for row in rows:
            found.setdefault(row.part, []).append((bodies[row.seq][1].id, row.ended))
    return found


# --- months -----------------------------------------------------------------------------------------------------------


def test_each_month_has_a_partition_by_the_regions_own_day(core: Core) -> None:
    core.accept("temperature", *(reading(number, at) for number, at in enumerate(LATE)), reading(9))
    assert placed(core) == {
        "event_202001": [("t-0", None)],
        "event_202002": [("t-1", None), ("t-9", None)],
        "event_201912": [("t-2", None)],
    }
    assert core.value("screened") == 1


def test_months_to_come_are_there_before_their_first_record(core: Core) -> None:
    with core.history.reading() as connection:
        assert postgres.months(connection) == {202002, 202003, 202004}
    core.clock.set(ms("2020-11-30T23:00:00+08:00"))
    core.worker._renew_at = 0
    core.worker.step()
    with core.history.reading() as connection:
        assert postgres.months(connection) >= {202011, 202012, 202101}


def test_there_is_no_partition_that_takes_what_belongs_nowhere(core: Core) -> None:
    core.accept("temperature", reading(1))
    with core.history.engine.connect() as connection:
        default = "SELECT partdefid FROM pg_partitioned_table WHERE partrelid = 'event'::regclass"
        assert connection.execute(text(default)).scalar() == 0
        with pytest.raises(Exception, match="no partition of relation"):
            connection.execute(
                text("INSERT INTO event SELECT 999, feed, 19990101, subject, town, at, ended, void, body FROM event")
            )


def test_a_batch_that_fails_leaves_no_month_behind(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    core.send("temperature", reading(1, LATE[2]))
    with monkeypatch.context() as patch:
        patch.setattr(core.history, "close_batch", raising(StoreUnavailable("away")))
        with pytest.raises(StoreUnavailable):
            core.work()
    with core.history.reading() as connection:
        assert 201912 not in postgres.months(connection)
    core.work()
    assert placed(core) == {"event_201912": [("t-1", None)]}


def test_a_correction_moves_a_record_to_another_months_partition_and_ends_the_old_one_in_its_own(core: Core) -> None:
    core.accept("temperature", reading(1), reading(2))
    core.accept("temperature", reading(1, LATE[0], rev=1))
    assert placed(core) == {"event_202002": [("t-1", 3), ("t-2", None)], "event_202001": [("t-1", None)]}
    core.accept("temperature", {"id": "t-1", "void": True, "rev": 2})
    assert placed(core) == {
        "event_202002": [("t-1", 3), ("t-2", None)],
        "event_202001": [("t-1", 4)],
        "event_000000": [("t-1", None)],
    }
    assert core.value("screened") == 1
    assert core.count("event_key") == 2


def test_figures_of_a_past_month_are_asked_of_its_partition_alone(core: Core) -> None:
    core.accept("temperature", *(reading(number, at) for number, at in enumerate(LATE)))
    with core.history.engine.connect() as connection:
        plan = connection.execute(text("EXPLAIN SELECT body FROM event WHERE feed = 'temperature' AND day = 20200131"))
        told = " ".join(plan.scalars())
    assert "event_202001" in told
    assert "event_202002" not in told


@pytest.mark.parametrize("version", sorted(INSTALLED))
def test_every_version_of_the_wheel_will_do(
    version: int, data_dir: Path, redis_client: redis.Redis, redis_server: RedisServer
) -> None:
    with serving(version) as server:
        core = Core(data_dir, redis_server.url, database_url=server.url(server.make()))
        try:
            core.accept("temperature", reading(1), reading(2, celsius=38.2), reading(3, LATE[0]))
            core.accept("temperature", reading(2, celsius=36.2, rev=1))
            assert (core.value("screened"), core.value("fever_count")) == (2, 0)
        finally:
            core.close()


# --- locks ------------------------------------------------------------------------------------------------------------


def test_the_key_of_a_record_is_locked_while_it_is_settled(history: History, url: str) -> None:
    with history.writing() as connection:
        history.save_keys(connection, {("gate", "a"): [Version(1, 0, 0, 0)], ("gate", "b"): [Version(2, 0, 0, 0)]}, {})
    taken = "SELECT 1 FROM event_key WHERE id = %s FOR UPDATE NOWAIT"
    with history.writing() as connection, psycopg.connect(url) as other:
        assert history.versions_of(connection, [("gate", "a"), ("gate", "nobody's")]).keys() == {("gate", "a")}
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute(taken, ("a",))
        other.rollback()
        assert other.execute(taken, ("b",)).fetchone() == (1,)


def test_a_ledger_that_somebody_keeps_is_a_reason_to_come_back(
    url: str, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(postgres.SESSION, "lock_timeout", "50ms")
    hurried = History(open_engine(url))
    with history.writing(), pytest.raises(StoreUnavailable, match=r"数据库没有应答（.*lock timeout"), hurried.writing():
        pass
    with hurried.writing():
        pass
    hurried.engine.dispose()


def test_a_worker_that_stands_still_in_a_transaction_loses_it(
    url: str, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = History(open_engine(url))

    def stand_still() -> None:
        with ExitStack() as stack:
            with monkeypatch.context() as patch:
                patch.setattr(postgres, "IDLE_WRITER", "50ms")
                connection = stack.enter_context(still.writing())
            # Whoever wants the ledger next gets it, and gets it because the server has cut us off.
            with history.writing() as other:
                history.close_batch(other, 5, 1)
            still.close_batch(connection, 3, 1)

    with pytest.raises(StoreUnavailable):
        stand_still()
    with history.reading() as connection:
        assert history.seq(connection) == 5
    still.engine.dispose()


# --- durability -------------------------------------------------------------------------------------------------------


def test_a_database_that_does_not_sync_is_refused_with_the_line_to_change(
    postgres_server: PostgresServer, url: str
) -> None:
    name = url.rpartition("/")[2]
    with postgres_server.admin() as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name)))
    engine = open_engine(url)
    with pytest.raises(ConfigurationError) as caught:
        migrate(engine)
    chinese, english = caught.value.sentence.split(" · ")
    assert "PostgreSQL 的设置是 synchronous_commit = off，断电可能丢失已接受的记录" in chinese
    assert "set `ALTER ROLE CURRENT_USER SET synchronous_commit = on`" in english
    # The remedy is one, without the administrator.
    with psycopg.connect(url) as connection:
        connection.execute("ALTER ROLE CURRENT_USER IN DATABASE " + name + " SET synchronous_commit = on")
    assert migrate(engine)
    engine.dispose()


@pytest.mark.parametrize("line", ["synchronous_commit = off", "fsync = off"])
def test_durability_that_is_turned_off_under_way_stops_the_next_commit(own_server: PostgresServer, line: str) -> None:
    history = History(open_engine(own_server.url(own_server.make())))
    migrate(history.engine)
    with history.writing() as connection:
        history.close_batch(connection, 1, 1)
    with own_server.admin() as admin:
        admin.execute(f"ALTER SYSTEM SET {line}")
        admin.execute("SELECT pg_reload_conf()")
        while admin.execute(f"SELECT current_setting('{line.split()[0]}')").fetchone() != ("off",):
            pass

    def commit() -> None:
        # A session hears of the new line at its next statement or the one after.
        for seq in range(2, 1000):
            with history.writing() as connection:
                history.close_batch(connection, seq, seq)

    with pytest.raises(ConfigurationError, match=f"PostgreSQL has {line} and may lose accepted records"):
        commit()
    history.engine.dispose()


# --- what is said when it cannot be used ------------------------------------------------------------------------------


def refused(url: str) -> str:
    """The sentence about an address that cannot be used."""

    def use() -> None:
        engine = open_engine(url)
        try:
            migrate(engine)
        finally:
            engine.dispose()

    with pytest.raises((ConfigurationError, StoreUnavailable)) as caught:
        use()
    sentence = caught.value.sentence
    assert "\n" not in sentence
    assert "geheim" not in sentence
    return sentence


def test_an_address_where_nobody_answers_is_one_sentence_without_the_password(own_server: PostgresServer) -> None:
    own_server.stop()
    sentence = refused(f"postgresql://town:geheim@127.0.0.1:{own_server.port}/townwatch")
    place = f"postgresql://town@127.0.0.1:{own_server.port}/townwatch"
    assert sentence.startswith(f"连不上数据库 {place}（")
    assert f"· The database {place} cannot be reached (" in sentence
    assert "start it, or correct TOWNWATCH_DATABASE_URL" in sentence


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda url, password: url.replace(password, "geheim"), "password authentication failed"),
        (lambda url, _: url + "_nowhere", "does not exist"),
        (lambda url, _: url.replace("127.0.0.1", "127.0.0.1.invalid"), "not"),
    ],
    ids=["password", "database", "host"],
)
def test_a_server_that_turns_us_away_says_why(
    postgres_server: PostgresServer, url: str, change: Callable[[str, str], str], why: str
) -> None:
    sentence = refused(change(url, postgres_server.password))
    assert postgres_server.password not in sentence
    assert why in sentence
    assert "请启动它，或改正 TOWNWATCH_DATABASE_URL" in sentence


def test_a_role_that_may_not_make_tables_is_told_what_to_grant(postgres_server: PostgresServer, url: str) -> None:
    name = url.rpartition("/")[2]
    with postgres_server.admin(name) as admin:
        admin.execute("ALTER SCHEMA public OWNER TO postgres")
        admin.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    sentence = refused(url)
    grant = f'GRANT USAGE, CREATE ON SCHEMA public TO "{ROLE}"'
    assert f"townwatch 不能在数据库 {name} 里建表" in sentence
    assert sentence.count(grant) == 2
    with postgres_server.admin(name) as admin:
        admin.execute(grant)
    engine = open_engine(url)
    assert migrate(engine)
    engine.dispose()


def test_a_database_that_cannot_hold_every_text_is_refused(postgres_server: PostgresServer) -> None:
    name = postgres_server.make(ENCODING="LATIN1")
    sentence = refused(postgres_server.url(name))
    assert "的编码是 LATIN1" in sentence
    assert "CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0" in sentence
    postgres_server.drop(name)


@pytest.mark.parametrize(
    ("version", "standby", "kind", "words"),
    [
        (130_011, False, ConfigurationError, "PostgreSQL 13.11，请换成 14 或更新的版本"),
        (160_004, True, StoreUnavailable, "是只读的备库，请把 TOWNWATCH_DATABASE_URL 改成主库"),
    ],
)
def test_an_old_server_and_a_standby_are_refused(
    version: int, standby: bool, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        postgres._suits(version, "UTF8", standby, "postgresql://town:geheim@db/townwatch")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("postgresql://town:geheim@db:fünf/x", "读不懂，应写成 postgresql://用户:密码@主机:5432/数据库"),
        ("postgresql+psycopg2://town:geheim@db/x", "应以 postgresql:// 开头"),
    ],
)
def test_an_address_that_is_none_is_refused(given: str, words: str) -> None:
    assert words in refused(given)


def test_an_address_is_told_without_its_password() -> None:
    told = shown("postgresql://town:ge%40heim@db:5432/x?password=geheim&sslmode=require")
    assert told == "postgresql://town@db:5432/x"


# --- away and back ----------------------------------------------------------------------------------------------------


def test_a_server_that_goes_away_and_comes_back_loses_nothing(
    own_server: PostgresServer, data_dir: Path, redis_client: redis.Redis, redis_server: RedisServer
) -> None:
    """The worker itself runs, its server is stopped with records on the road and started again."""
    core = Core(data_dir, redis_server.url, database_url=own_server.url(own_server.make()))
    pause = threading.Event()

    def until(condition: Callable[[], bool]) -> None:
        while not condition():
            assert thread.is_alive()
            pause.wait(0.01)

    core.accept("temperature", *(reading(number) for number in range(20)))
    thread = threading.Thread(target=core.worker.run)
    thread.start()
    try:
        # As a crash does, and in good order.
        for how, first in ((signal.SIGQUIT, 20), (signal.SIGINT, 40)):
            own_server.stop(how)
            assert core.send("temperature", *(reading(number) for number in range(first, first + 20))).accepted == 20
            with pytest.raises(StoreUnavailable, match="数据库没有应答（"), core.history.reading():
                pass
            assert core.on_the_road()[0] == 20, "accepted records wait on the road"
            own_server.start()
            until(lambda: core.on_the_road() == (0, 0, 0))
            until(lambda total=first + 20: core.value("screened") == total)  # type: ignore[misc]
            assert core.count("event") == first + 20
    finally:
        core.worker.stop = True
        thread.join(60)
        core.close()
    assert core.on_the_road() == (0, 0, 0)


def test_the_system_page_tells_of_a_database_that_is_away(
    own_server: PostgresServer, data_dir: Path, redis_client: redis.Redis, redis_server: RedisServer
) -> None:
    core = Core(data_dir, redis_server.url, database_url=own_server.url(own_server.make()))
    boards = LiveBoards(core.reader(), redis_server.url)
    health = Health(core.parts, Hub(boards, VIEWS, core.clock, "build"), Past(core.history, core.parts.region_at))
    try:
        core.accept("temperature", reading(1))
        assert health()["database"]["kind"] == "PostgreSQL"
        own_server.stop()
        health._held = (0, {})
        told = health()
        assert told["database"]["away"].startswith("数据库没有应答（")
        assert len(told["partitions"]) == core.stream.partitions, "what Redis knows is told all the same"
    finally:
        core.close()


def test_a_connection_that_breaks_in_the_middle_of_a_copy_is_waited_for(
    core: Core, postgres_server: PostgresServer
) -> None:
    core.send("temperature", *(reading(number) for number in range(50)))
    append = core.history.dialect.append
    cut: list[int] = []

    def broken(connection: object, table: object, rows: object) -> None:
        if not cut:
            cut.append(1)
            with closing(postgres_server.admin()) as admin:
                name = core.history.engine.url.database
                admin.execute(
                    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", (name,)
                )
        append(connection, table, rows)  # type: ignore[arg-type]

    core.history.dialect.append = broken  # type: ignore[method-assign]
    try:
        with pytest.raises(StoreUnavailable, match="数据库没有应答"):
            core.worker.step()
        assert core.on_the_road()[0] == 50
        # As Worker.run does after such an error.
        core.worker.held, core.worker._renew_at = {}, 0
        core.worker._taken_over.clear()
        core.work()
    finally:
        del core.history.dialect.append
    assert (core.count("event"), core.value("screened")) == (50, 50)


def test_texts_with_nul_are_refused_or_kept_without_it(core: Core) -> None:
    """SQLite keeps such texts and PostgreSQL cannot: the letter must not stop the worker for ever."""
    wrong = reading(1, outcome="pa\x00ss", at=iso(NOON))
    receipt = core.send("temperature", wrong, reading(2), {"id": "a\x00b", "town": "x\x00y", "at": "now\x00"})
    assert (receipt.accepted, len(receipt.rejected)) == (1, 2)
    core.work()
    assert core.value("screened") == 1
    assert len(core.letters()) == 2
    assert not any(
        "\x00" in str(value) for letter in core.letters() for value in letter.values() if value != letter["body"]
    )
