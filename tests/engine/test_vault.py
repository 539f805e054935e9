"""The contact vault: sealed, bound to its case, opened by whoever has the case, erased for good when its time is over."""

from __future__ import annotations

import io
import threading
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import redis
from sqlalchemy import Engine, select, update

from dashboard.access.audit import Audit, Kind, Wanted
from dashboard.access.tables import contact as table
from dashboard.access.vault import Contact, Kept, NoContact, Vault, checked
from dashboard.access.viewer import Role, Viewer
from dashboard.domain.day import day_of, iso
from dashboard.errors import ConfigurationError, NotAllowed, StoreUnavailable, TownwatchError, UnknownFeed
from dashboard.feeds import FEEDS
from dashboard.stores import tables
from dashboard.stores.history import History, open_engine
from dashboard.stores.redis_server import RedisServer
from ingest.contacts import DAY_MS, Contacts
from ingest.gateways.sheets.desk import Clerk, Desk, Upload
from tests.conftest import Databases
from tests.engine.core import DAYUN, YAOZHUANG, Core, ms

NOW = 1_582_000_000_000
PHONE, NAME = "13857301234", "沈小梅"
WHOM = Contact(NAME, PHONE, "下午打")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def vault(engine: Engine, tmp_path: Path) -> Vault:
    found = Vault(engine, tmp_path, Audit(engine, tmp_path))
    assert found.keys.make()
    return found


def put(vault: Vault, subject: str, whom: Contact = WHOM) -> None:
    vault.put(NOW, "amy", "callback", subject, YAOZHUANG, whom)


def reveal(vault: Vault, subject: str) -> Contact:
    return vault.open(NOW, "amy", "callback", subject, "")


def stored(engine: Engine, subject: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(select(table).where(table.c.subject == subject)).one()


def overwrite(engine: Engine, subject: str, **values: Any) -> None:
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        connection.execute(update(table).where(table.c.subject == subject).values(**values))


def test_a_contact_comes_back_and_stands_in_the_database_unreadably(vault: Vault, engine: Engine) -> None:
    put(vault, "C-1")
    assert reveal(vault, "C-1") == WHOM
    row = str(tuple(stored(engine, "C-1")))
    assert PHONE not in row
    assert NAME not in row
    assert repr(WHOM) == "Contact(…)"
    assert [(one.kind, one.what) for one in reversed(vault.audit.rows())] == [
        ("change", "callback/C-1"),
        ("reveal", "callback/C-1"),
    ]


def test_a_sealed_contact_opens_for_its_own_case_only_and_not_when_changed(vault: Vault, engine: Engine) -> None:
    put(vault, "C-1")
    put(vault, "C-2", Contact("别人", "13900000000"))
    overwrite(engine, "C-2", sealed=stored(engine, "C-1").sealed)
    with pytest.raises(NoContact):
        reveal(vault, "C-2")
    changed = bytearray(stored(engine, "C-1").sealed)
    changed[-1] ^= 1
    overwrite(engine, "C-1", sealed=bytes(changed))
    with pytest.raises(NoContact):
        reveal(vault, "C-1")


def test_after_a_change_of_keys_contacts_open_and_old_copies_do_not(vault: Vault, engine: Engine) -> None:
    put(vault, "C-1")
    old = stored(engine, "C-1")
    assert vault.rotate(NOW, "admin") == 1
    assert reveal(vault, "C-1") == WHOM
    assert len(vault.keys.all()) == 1
    with pytest.raises(NoContact):
        vault.unseal(old.key_id, old.sealed, "callback\x00C-1")


def test_contacts_that_are_put_in_while_the_key_changes_are_not_lost(vault: Vault, engine: Engine) -> None:
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            vault.rotate(NOW, "admin")

    other = threading.Thread(target=change)
    other.start()
    try:
        for number in range(40):
            put(vault, f"C-{number}")
    finally:
        stop.set()
        other.join()
    assert [reveal(vault, f"C-{number}") for number in range(40)] == [WHOM] * 40


def test_the_key_file_is_for_its_owner_alone(vault: Vault) -> None:
    assert vault.keys.path.stat().st_mode & 0o777 == 0o600
    vault.keys.path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        put(vault, "C-1")
    vault.keys.path.chmod(0o600)
    assert not vault.keys.make()
    vault.keys.path.write_text("{}")
    with pytest.raises(ConfigurationError, match="备份"):
        put(vault, "C-1")


def test_what_cannot_be_noted_stays_shut(vault: Vault) -> None:
    put(vault, "C-1")
    vault.audit = Audit(open_engine("sqlite:////nowhere/at/all.db"))
    with pytest.raises(StoreUnavailable):
        reveal(vault, "C-1")


def test_a_contact_is_erased_when_its_time_is_over_and_its_copies_too(vault: Vault, engine: Engine) -> None:
    for subject in ("open", "young", "old"):
        put(vault, subject)
    copy = stored(engine, "old")
    ended = {"open": None, "young": NOW - DAY_MS, "old": NOW - 3 * DAY_MS}
    assert vault.sweep(NOW, lambda kept: ended[kept.subject], 2 * DAY_MS) == 1
    assert {one.subject for one in vault.everything()} == {"open", "young"}
    assert reveal(vault, "open") == reveal(vault, "young") == WHOM
    with pytest.raises(NoContact):
        vault.unseal(copy.key_id, copy.sealed, "callback\x00old")
    assert [one.what for one in vault.audit.rows(Wanted(kind=Kind.ERASE))] == ["callback/old"]
    assert vault.sweep(NOW, lambda kept: ended[kept.subject], 2 * DAY_MS) == 0


@pytest.mark.parametrize(
    ("name", "phone", "note"),
    [
        ("x" * 41, PHONE, ""),
        ("", "", ""),
        ("", "12", ""),
        ("", "=cmd()", ""),
        ("", PHONE, "x" * 201),
        ("", "１２３４５６７", ""),
    ],
)
def test_a_wrong_contact_is_one_sentence_that_does_not_repeat_it(name: str, phone: str, note: str) -> None:
    with pytest.raises(TownwatchError) as told:
        checked(name, phone, note)
    assert PHONE not in told.value.sentence
    assert "x" * 41 not in told.value.sentence


# -- who may ---------------------------------------------------------------------------------------------------------

TOWNS = frozenset({YAOZHUANG})
OFFICER = Viewer("amy", frozenset({Role.OFFICER}), TOWNS, staff="P-1")
OTHER = Viewer("ben", frozenset({Role.OFFICER}), TOWNS, staff="P-2")
CHIEF = Viewer("chief", frozenset({Role.CHIEF}), TOWNS, staff="P-9")
FOREIGN = Viewer("foreign", frozenset({Role.CHIEF}), frozenset({DAYUN}), staff="P-1")
CLERK = Viewer("clerk", frozenset({Role.CLERK}), TOWNS, staff="P-1")
LEADER = Viewer("leader", frozenset({Role.LEADER}), None, staff="P-1")
ADMIN = Viewer("admin", frozenset({Role.ADMINISTRATOR}), None, staff="P-1")
READER = Viewer("reader", frozenset({Role.API}), None)


class Office:
    """A core with one call-back case that P-1 has, and the door of its vault."""

    def __init__(self, core: Core, folder: Path) -> None:
        self.core = core
        self.region = lambda: core.parts.region_at(day_of(core.clock.now()))
        self.audit = Audit(core.history.engine, folder)
        self.vault = Vault(core.history.engine, folder, self.audit)
        self.holds: dict[str, Any] = {}
        self.contacts = Contacts(
            self.vault, core.history, self.region, core.clock, lambda _, __, item: self.holds.get(item)
        )
        self.desk = Desk(core.intake, core.history, self.region, core.clock, self.vault)


@pytest.fixture(scope="module")
def offices(
    databases: Databases, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    redis.Redis.from_url(redis_server.url).flushall()
    url = databases.new()
    folder = tmp_path_factory.mktemp("vault")
    core = Core(folder, redis_server.url, database_url=url)
    office = Office(core, folder)
    office.vault.keys.make()
    core.accept("callback", case("C-1", "queued", "09:00"))
    yield office
    core.close()
    databases.drop(url)


def case(name: str, stage: str, at: str, **more: Any) -> dict[str, Any]:
    """A record of a call-back case of P-1."""
    return {
        "id": f"cb-{name}-{stage}", "town": YAOZHUANG, "at": iso(ms(at)), "call": name, "stage": stage, "caller": "P-1",
        **more,
    }  # fmt: skip


@pytest.fixture
def office(offices: Office) -> Office:
    offices.holds.clear()
    offices.contacts.put(OFFICER, "callback", "C-1", {"name": NAME, "phone": PHONE})
    return offices


def test_the_officer_who_has_the_case_opens_it(office: Office) -> None:
    assert office.contacts.reveal(OFFICER, "callback", "C-1").phone == PHONE
    newest = office.audit.rows(limit=1)[0]
    assert (newest.who, newest.kind, newest.what, newest.town) == ("amy", "reveal", "callback/C-1", YAOZHUANG)


def test_the_chief_of_its_town_opens_it_with_a_reason(office: Office) -> None:
    with pytest.raises(TownwatchError, match="为什么"):
        office.contacts.reveal(CHIEF, "callback", "C-1", " ")
    assert office.contacts.reveal(CHIEF, "callback", "C-1", "承办人休假").phone == PHONE
    assert office.audit.rows(limit=1)[0].detail == {"reason": "承办人休假"}


@pytest.mark.parametrize("viewer", [OTHER, FOREIGN, CLERK, LEADER, ADMIN, READER], ids=lambda one: one.name)
def test_nobody_else_opens_it_and_trying_is_noted(office: Office, viewer: Viewer) -> None:
    with pytest.raises(NotAllowed) as told:
        office.contacts.reveal(viewer, "callback", "C-1", "好奇")
    with pytest.raises(NotAllowed) as absent:
        office.contacts.reveal(viewer, "callback", "C-none", "好奇")
    assert told.value.sentence == absent.value.sentence
    assert viewer.name in {one.who for one in office.audit.rows(Wanted(kind="refused"))}
    if viewer in (OTHER, CLERK):
        assert office.contacts.state(viewer, "callback", "C-1")["kept"] is False


def test_a_case_that_was_given_to_somebody_is_theirs(office: Office) -> None:
    class Held:
        owner = "P-2"

    office.holds["case:callback:C-1"] = Held()
    assert office.contacts.reveal(OTHER, "callback", "C-1").phone == PHONE
    with pytest.raises(NotAllowed):
        office.contacts.reveal(OFFICER, "callback", "C-1")


def test_feeds_that_call_nobody_keep_no_contacts(office: Office) -> None:
    assert {name for name, feed in FEEDS.items() if feed.contacts} == {"callback", "isolation", "contact"}
    with pytest.raises(UnknownFeed):
        office.contacts.put(OFFICER, "dispute", "D-1", {"phone": PHONE})


def workbook(rows: list[list[str]]) -> bytes:
    book, stream = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(stream)
    return stream.getvalue()


HEAD = ["记录编号", "镇街", "时间", "回访编号", "环节", "联系人", "联系电话"]


def lines() -> list[list[str]]:
    """A register of three cases, one of which is wrong."""
    row = ["姚庄镇", "2020-02-18 09:30"]
    return [
        HEAD,
        ["i-1", *row, "C-11", "待回访", "顾阿大", "13757300011"],
        ["i-2", *row, "C-12", "待回访", "顾阿二", "不详"],
        ["i-3", *row, "C-13", "没有这个环节", "顾阿三", "13757300013"],
    ]


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_an_import_puts_contacts_into_the_vault_and_nowhere_else(office: Office, kind: str) -> None:
    feed = FEEDS["callback"]
    stage = next(one for one in feed.fields if one.name == "stage")
    table_lines = [[cell.replace("待回访", next(iter(stage.choices.values())).zh) for cell in row] for row in lines()]
    data = (
        workbook(table_lines) if kind == "xlsx" else "\n".join(",".join(row) for row in table_lines).encode("gb18030")
    )
    clerk = Clerk.of_viewer(Viewer("clerk", frozenset({Role.CLERK}), TOWNS), f"回访-{kind}")
    run = office.desk.check(clerk, "callback", Upload(f"回访.{kind}", data))
    assert "13757300011" not in everything(office.core.history)
    assert "顾阿" not in everything(office.core.history)
    office.desk.commit(clerk, run.id)
    office.core.work()
    assert {one.subject for one in office.vault.everything()} == {"C-1", "C-11"}
    chief = office.contacts.reveal(CHIEF, "callback", "C-11", "核对")
    assert (chief.name, chief.phone) == ("顾阿大", "13757300011")
    assert "13757300011" not in everything(office.core.history)
    office.vault.erase(NOW, "amy", "callback", "C-11")


def plain(cell: Any) -> str:
    """A cell as text, unpacked where it is packed."""
    if not isinstance(cell, bytes):
        return str(cell)
    packed: bytes = cell
    with suppress(zlib.error):
        packed = zlib.decompress(cell)
    return packed.decode("utf-8", "replace")


def everything(history: History) -> str:
    """Every cell of every table, compressed ones opened."""
    found: list[str] = []
    with history.reading() as connection:
        for one in tables.METADATA.sorted_tables:
            for row in connection.execute(select(one)):
                found += [plain(cell) for cell in row]
    return "\n".join(found)


def test_without_a_key_an_import_throws_contacts_away(office: Office, tmp_path: Path) -> None:
    bare = Desk(
        office.core.intake, office.core.history, office.region, office.core.clock,
        Vault(office.core.history.engine, tmp_path, office.audit),
    )  # fmt: skip
    clerk = Clerk.of_viewer(CLERK, "没有密钥")
    run = bare.check(clerk, "callback", Upload("x.csv", "\n".join(",".join(row) for row in lines()).encode()))
    assert bare.grid(run).sealed is None
    assert bare.grid(run).contacts == {}


def test_the_sweep_knows_when_a_case_has_ended(office: Office) -> None:
    core = office.core
    core.accept("callback", case("C-2", "queued", "09:05"), case("C-2", "reached", "10:00"))
    office.contacts.put(OFFICER, "callback", "C-2", {"name": NAME, "phone": PHONE})
    at = core.clock.now()
    assert office.contacts.sweep(30) == 0
    core.clock.set(ms("10:00") + 30 * DAY_MS)
    try:
        assert office.contacts.sweep(30) == 1
    finally:
        core.clock.set(at)
    assert {one.subject for one in office.vault.everything()} == {"C-1"}


def test_a_contact_without_a_case_does_not_stay_for_ever(office: Office) -> None:
    office.vault.put(office.core.clock.now(), "x", "callback", "C-nobody", YAOZHUANG, WHOM)
    at = office.core.clock.now()
    office.core.clock.set(at + 30 * DAY_MS)
    try:
        office.contacts.sweep(30)
    finally:
        office.core.clock.set(at)
    assert office.vault.kept("callback", "C-nobody") is None
    assert isinstance(office.vault.kept("callback", "C-1"), Kept)
