"""The clerk's desk: a table is checked, mended, committed, and withdrawn again as a whole.

Of a checked table only the cells that are read are kept, for :data:`KEEP_MS`, under an id that cannot be guessed.
Withdrawing an import voids the records that it introduced and that nobody has corrected since. What it corrected stays
corrected: what those records said before belongs to whoever said it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import redis
from msgspec.structs import replace

from dashboard.access.audit import Audit
from dashboard.access.audit import Kind as Act
from dashboard.access.tokens import Grant
from dashboard.access.vault import Contact, NoContact, Vault
from dashboard.access.vault import checked as contact
from dashboard.access.viewer import IMPORT, Role, Viewer
from dashboard.clock import Clock, read_clock
from dashboard.domain.day import HOUR, day_of
from dashboard.domain.event import Event
from dashboard.domain.feed import Feed
from dashboard.domain.imports import Column, Counts, PreviewRow, Report, Run
from dashboard.domain.privacy import mask, personal, plain_header, private_header
from dashboard.errors import ConfigurationError, NotAllowed, TownwatchError, UnknownImport
from dashboard.feeds import feed_named
from dashboard.settings import Settings
from dashboard.stores.history import History, Version, open_engine
from dashboard.stores.imports import ColumnMapping, ImportStore, Touched
from dashboard.stores.redis_server import check_durability
from dashboard.stores.stream import Stream
from geodata.library import RegionBook, open_library
from geodata.region import Region
from ingest.decode import Door
from ingest.gateways.sheets.columns import ENVELOPE, header_key
from ingest.gateways.sheets.grid import Grid, Raw, without_names, without_row_numbers
from ingest.gateways.sheets.reading import read_table
from ingest.gateways.sheets.report import problem_of, report_of, shortened
from ingest.gateways.sheets.rows import Checked, Kind, Lookup, Wrong, check_rows, voiding
from ingest.intake import Intake

CHUNK = 1000
KEEP_MS = 24 * HOUR
"""How long the cells of an import are kept: for mending, and for the error file."""
PREVIEW_ROWS = 60
SOURCE = "表格"
"""The source of tables whose importer names none. It is not the importer's name: whoever imports the next day's table
corrects the same records."""
CLI = "cli:命令行"
"""The uploader of what the command line imports: this machine's administrator."""
_GONE = "没有这次导入，或保留的 24 小时已过：请重新上传 · no such import, or its 24 hours are over: upload again"

Progress = Callable[[int, int], object]


class Clerk(msgspec.Struct, frozen=True):
    """Who imports: the name that the import is kept under, the source of its records, and what they may write."""

    name: str
    source: str
    feeds: frozenset[str] | None = None
    towns: frozenset[str] | None = None
    zone: str = ""
    everyone: bool = False
    """May see and withdraw the imports of others: an administrator."""

    @staticmethod
    def of_token(grant: Grant) -> Clerk:
        """Whoever sends a writer's token.

        Raises:
            NotAllowed: a reader's token.
        """
        if grant.kind != "write":
            raise NotAllowed("这是只读令牌，不能写入；请用 ./townwatch token create --source 名称 创建写入令牌")
        return Clerk(f"token:{grant.label}", grant.source, grant.feeds, grant.towns, grant.zone)

    @staticmethod
    def of_viewer(viewer: Viewer, label: str = "") -> Clerk:
        """Whoever looks at the page; ``label`` names the source of the tables.

        Raises:
            NotAllowed: a viewer that may only read.
            ConfigurationError: a label that is no name.
        """
        if not viewer.records:
            raise NotAllowed("您只能查看，不能导入 · you may look at figures, not import records")
        label = label.strip() or SOURCE
        if len(label) > 40 or not label.isprintable() or "," in label or personal(label):
            raise ConfigurationError(
                f"来源“{mask(label)[:40]}”不行，应为 1 到 40 个可见字符，不含逗号和手机号"
                " · source: allowed is a name of 1 to 40 visible characters, without commas and phone numbers"
            )
        return Clerk(
            f"viewer:{viewer.name}",
            IMPORT + label,
            viewer.feeds,
            viewer.towns,
            everyone=Role.ADMINISTRATOR in viewer.roles,
        )

    def may(self, feed: str) -> Feed:
        """The feed of that name.

        Raises:
            UnknownFeed: there is none.
            NotAllowed: it is not among those that may be written.
        """
        found = feed_named(feed)
        if self.feeds is not None and feed not in self.feeds:
            raise NotAllowed(f"不能写入 {feed}，获准的是 {'、'.join(sorted(self.feeds))} · not allowed for this feed")
        return found


class Upload(msgspec.Struct, frozen=True):
    """A file as somebody hands it in, and what they say of it."""

    name: str
    data: bytes
    encoding: str | None = None
    sheet: str = ""
    columns: Mapping[str, str] = {}
    """Header -> field, empty for a column that is not to be imported."""
    town: str = ""
    """The town of rows that name none."""
    replaces: str = ""
    """An import that was checked before and is given up for this one."""
    unit: str = ""
    """The unit of a track: a file that is no table goes another way."""


class Checkup(msgspec.Struct, frozen=True):
    """A table that was read and checked, before anything is kept of it."""

    grid: Grid
    checked: Checked
    report: Report


class Desk:
    """Imports of tables. Safe to share between threads."""

    def __init__(
        self,
        intake: Intake,
        history: History,
        region: Callable[[], Region],
        clock: Clock,
        vault: Vault | None = None,
    ) -> None:
        self.intake, self.region, self.clock, self.store = intake, region, clock, ImportStore(history)
        self.vault = vault
        """Where the contacts of a table go, of feeds that keep any; without one they are thrown away unread."""

    def _door(self, clerk: Clerk, source: str = "") -> Door:
        region = self.region()
        # A table is written where the region is: its times are local.
        return Door(source or clerk.source, region, clerk.towns, clerk.zone or region.pack.timezone)

    # --- checking --------------------------------------------------------------------------------------------------

    def check(self, clerk: Clerk, feed: str, upload: Upload) -> Run:
        """Read and check a file; what it holds is kept, and nothing has gone in.

        Raises:
            UnknownFeed, NotAllowed: as :meth:`Clerk.may`.
            ConfigurationError, NotATable: the file cannot be read as a table of that feed.
        """
        now = self.clock.now()
        found = self._examine(clerk.may(feed), self._door(clerk), upload, now)
        run = Run(secrets.token_urlsafe(24), clerk.name, "checked", now, found.report, expires_at=now + KEEP_MS)
        self.store.purge(now)
        if upload.replaces:
            self.store.drop(upload.replaces, clerk.name)
        grid = self._sealed(found.grid, run.id)
        run = replace(run, report=replace(run.report, contacts=len(found.grid.contacts)))
        self.store.add(replace(run, report=shortened(run.report)), msgspec.msgpack.encode(grid))
        return run

    def _sealed(self, grid: Grid, run: str) -> Grid:
        """A sheet as it may be kept: whom to call is sealed for this very import."""
        if not grid.contacts or self.vault is None:
            return replace(grid, contacts={})
        plain = msgspec.msgpack.encode(grid.contacts)
        return replace(grid, contacts={}, sealed=self.vault.seal(plain, _bound(run)))

    def _note(self, clerk: Clerk, run: Run, **detail: str | int) -> None:
        """Tell the audit, where there is one: it comes with the vault."""
        if self.vault is not None:
            what, report = f"{run.report.feed}: {run.report.file}", run.report
            if report.contacts:
                detail["contacts"] = report.contacts
            who = clerk.name.removeprefix("viewer:")
            self.vault.audit.note(self.clock.now(), who, Act.IMPORT, what, report.town, detail=detail)

    def _keep_contacts(self, clerk: Clerk, run: str, grid: Grid, checked: Checked, now: int) -> None:
        """Put whom to call into the vault, keyed by case; noted once for the whole import."""
        if grid.sealed is None or self.vault is None:
            return
        try:
            plain = self.vault.unseal(*grid.sealed, _bound(run))
        except NoContact:
            # The key was changed since: what is sealed can be read by nobody, as if it had never been given.
            return
        contacts = msgspec.msgpack.decode(plain, type=dict[int, tuple[str, str]])
        found: dict[tuple[str, str], tuple[str, Contact]] = {}
        for line in checked.lines:
            event = line.event
            if line.number in contacts and event.subject and not event.void and not event.nothing:
                with suppress(TownwatchError):
                    name, phone = contacts[line.number]
                    found[event.feed, event.subject] = (event.town, contact(name, phone, ""))
        for (feed, subject), (town, whom) in found.items():
            before = self.vault.kept(feed, subject)
            if before is None or before.town == town:
                self.vault.put(now, clerk.name, feed, subject, town, whom, noted=True)

    def _examine(self, feed: Feed, door: Door, upload: Upload, now: int) -> Checkup:
        said = check_columns(feed, upload.columns)
        town = ""
        if upload.town:
            known = door.region.pack.town_by_code.get(upload.town)
            if known is None:
                raise ConfigurationError(
                    f"town 是“{mask(upload.town)[:40]}”，应为 {len(door.region.pack.towns)} 个镇（街道）之一"
                    " · town: allowed is a town of the region"
                )
            town = known.code
        remembered = {
            one.headers: {plain_header(header): field for header, field in one.columns.items()}
            for one in self.store.mappings(door.source, feed.name)
        }
        grid = read_table(
            upload.data,
            feed,
            encoding=upload.encoding,
            sheet=upload.sheet,
            remembered=remembered,
            said={plain_header(header): field for header, field in said.items()},
            contacts=feed.contacts and self.vault is not None and self.vault.there,
        )
        return self._look(
            feed, door, without_names(without_row_numbers(grid), feed), mask(upload.name)[:120], now, town
        )

    def _look(self, feed: Feed, door: Door, grid: Grid, name: str, now: int, town: str) -> Checkup:
        problem = problem_of(feed, grid, town)
        if problem is not None:
            checked = Checked([], [])
            report = report_of(name, feed, door.source, grid, checked, town, problem)
            return Checkup(grid, checked, replace(report, counts=Counts(rejected=len(grid.rows))))
        checked = check_rows(grid, feed, door, now, self._lookup(door.source, feed.name), town)
        return Checkup(grid, checked, report_of(name, feed, door.source, grid, checked, town))

    def _lookup(self, source: str, feed: str) -> Lookup:
        """Stored versions of a source's records, those on the road from its imports included."""
        waiting: dict[str, list[Version]] = {}
        for name, touched in self.store.unsettled(source, feed):
            stored = self.store.stored(source, [one.id for one in touched])
            missing = [one for one in touched if all(v.digest != one.digest for v in stored.get(one.id, ()))]
            if not missing:
                self.store.save(name, settled=True)
            for one in missing:
                waiting.setdefault(one.id, []).append(Version(0, one.rev, one.received_at, one.digest))

        def lookup(ids: Sequence[str]) -> dict[str, list[Version]]:
            found = self.store.stored(source, ids)
            for name in waiting.keys() & set(ids):
                found[name] = found.get(name, []) + waiting[name]
            return found

        return lookup

    def run(self, clerk: Clerk, name: str) -> Run:
        """An import of one's own; an administrator's are everybody's.

        Raises:
            UnknownImport: there is none, or it is somebody else's.
        """
        found = self.store.get(name)
        if found is None or not (clerk.everyone or found.uploader == clerk.name):
            raise UnknownImport(_GONE)
        return found

    def history(self, clerk: Clerk, limit: int, feed: str | None = None) -> list[Run]:
        """Imports that went in, newest first."""
        return self.store.listed(None if clerk.everyone else clerk.name, limit, feed)

    def grid(self, run: Run) -> Grid:
        """The cells that are kept of an import.

        Raises:
            UnknownImport: they are gone.
        """
        kept = self.store.content(run.id)
        if kept is None or (run.expires_at or 0) <= self.clock.now():
            raise UnknownImport(_GONE)
        return msgspec.msgpack.decode(kept, type=Grid)

    def wrong(self, clerk: Clerk, name: str) -> tuple[Grid, list[Wrong]]:
        """Every wrong row of an import of one's own, and the sheet they stand in.

        Raises:
            UnknownImport: it is somebody else's, or its rows are gone.
        """
        run = self.run(replace(clerk, everyone=False), name)
        door = self._door(clerk, run.report.source)
        grid, feed = self.grid(run), feed_named(run.report.feed)
        if run.report.problem is not None:
            return grid, []
        return grid, check_rows(grid, feed, door, run.created_at, lambda _: {}, run.report.town).wrong

    def preview(self, run: Run, everything: bool = False, page: int = 0) -> tuple[list[PreviewRow], int]:
        """Rows as the file shows them, and how many there are: those around wrong ones, or page by page."""
        grid = self.grid(run)
        letters = {column.letter: place for place, column in enumerate(grid.columns)}
        wrong: dict[int, dict[int, str]] = {}
        for error in run.report.rejected:
            wrong.setdefault(error.row, {}).setdefault(letters.get(error.column, -1), error.message)
        if everything:
            chosen = grid.rows[page * PREVIEW_ROWS : (page + 1) * PREVIEW_ROWS]
        elif wrong:
            near: set[int] = set()
            for place, raw in enumerate(grid.rows):
                if raw.number in wrong:
                    near |= {place - 1, place, place + 1}
                if len(near) > PREVIEW_ROWS:
                    break
            chosen = [grid.rows[place] for place in sorted(near) if 0 <= place < len(grid.rows)]
        else:
            chosen = grid.rows[:5]
        places = [place for place, _ in grid.read]
        rows = []
        for raw in chosen:
            cells: list[str | None] = [None] * len(grid.columns)
            for place, cell in zip(places, raw.cells, strict=False):
                cells[place] = cell
            rows.append(PreviewRow(raw.number, tuple(cells), wrong.get(raw.number, {})))
        return rows, len(grid.rows)

    # --- mending ---------------------------------------------------------------------------------------------------

    def mend(self, clerk: Clerk, name: str, row: int, column: str, value: str) -> Run:
        """Put another value into a cell and into all cells of its column that say the same, and check again.

        Raises:
            ConfigurationError: there is no such cell, or the import has gone in already.
        """
        run = self.run(replace(clerk, everyone=False), name)
        door = self._door(clerk, run.report.source)
        if run.state != "checked":
            raise ConfigurationError("这次导入已经入库，不能再改：请改好表格重新上传 · this import has gone in already")
        grid = self.grid(run)
        place = next((at for at, (where, _) in enumerate(grid.read) if grid.columns[where].letter == column), None)
        raw = next((one for one in grid.rows if one.number == row), None)
        if place is None or raw is None or place >= len(raw.cells):
            raise ConfigurationError(f"没有第 {row} 行 {column[:3]} 列这个格子 · there is no such cell")
        old = raw.cells[place]
        rows = [
            Raw(one.number, [*one.cells[:place], value[:1000], *one.cells[place + 1 :]], one.beyond)
            if place < len(one.cells) and one.cells[place] == old
            else one
            for one in grid.rows
        ]
        grid = replace(grid, rows=rows)
        feed = feed_named(run.report.feed)
        found = self._look(feed, door, grid, run.report.file, self.clock.now(), run.report.town)
        report = shortened(replace(found.report, contacts=run.report.contacts))
        self.store.save(run.id, report=report, content=msgspec.msgpack.encode(grid))
        return replace(run, report=report)

    # --- committing ------------------------------------------------------------------------------------------------

    def commit(self, clerk: Clerk, name: str, progress: Progress = lambda *_: None) -> Run:
        """Put the good rows on the road and keep the others as dead letters; what was stopped half-way goes on.

        Raises:
            ConfigurationError: no row can go in, or it has gone in already.
            Backpressure, StoreUnavailable: some rows may have gone in; committing again is harmless.
        """
        run = self.run(replace(clerk, everyone=False), name)
        if run.report.problem is not None:
            raise ConfigurationError(f"{run.report.problem.zh} · {run.report.problem.en}")
        feed, now = clerk.may(run.report.feed), self.clock.now()
        door = self._door(clerk, run.report.source)
        grid = self.grid(run)
        if not self.store.move(run.id, ("checked",), "committing", now):
            raise ConfigurationError("这次导入已经入库，或正在入库 · this import has gone in already, or is going in")
        try:
            found = self._look(feed, door, grid, run.report.file, now, run.report.town)
            before = {one.id: one for one in self.store.touched(run.id)}
            touched, counts = _touched(found.checked, before)
            self._note(clerk, run, rows=counts.good, refused=counts.rejected)
            # Noted first: whatever happens from here on, a withdrawal knows what may have gone in.
            self.store.save(run.id, touched=touched, settled=False)
            self._send(feed, door, found.checked, now, progress)
            self._keep_contacts(clerk, run.id, grid, found.checked, now)
        except BaseException:
            self.store.move(run.id, ("committing",), "checked", self.clock.now())
            raise
        report = replace(found.report, counts=counts, contacts=run.report.contacts)
        bad = {row.number for row in found.checked.wrong}
        rest = replace(grid, rows=[raw for raw in grid.rows if raw.number in bad], sealed=None)
        done = replace(run, state="done", report=report, finished_at=self.clock.now())
        self.store.save(
            run.id,
            report=shortened(report),
            content=msgspec.msgpack.encode(rest),
            state="done",
            finished_at=done.finished_at,
        )
        return done

    def _send(self, feed: Feed, door: Door, checked: Checked, now: int, progress: Progress) -> None:
        total = len(checked.lines) + len(checked.wrong)
        done = 0
        for start in range(0, len(checked.lines), CHUNK):
            chunk = [line.event for line in checked.lines[start : start + CHUNK]]
            self.intake.append(chunk, [])
            done += len(chunk)
            progress(done, total)
        for start in range(0, len(checked.wrong), CHUNK):
            rows = checked.wrong[start : start + CHUNK]
            self.intake.accept(feed, [], door, now, [(row.record, row.rejected) for row in rows])
            done += len(rows)
            progress(done, total)

    def take(self, clerk: Clerk, feed: str, upload: Upload, progress: Progress = lambda *_: None) -> Run:
        """Check and commit a file at once: the way of programs and of the command line.

        Raises:
            ConfigurationError: the file cannot be imported; nothing was.
        """
        run = self.check(clerk, feed, upload)
        if run.report.problem is not None:
            self.store.drop(run.id, clerk.name)
            raise ConfigurationError(
                f"{run.report.problem.zh}；什么都没有导入 · {run.report.problem.en}; nothing was imported"
            )
        return self.commit(clerk, run.id, progress)

    # --- what columns mean -----------------------------------------------------------------------------------------

    def mappings(self, clerk: Clerk, feed: str) -> list[ColumnMapping]:
        """What columns of this source's tables were said to mean."""
        return self.store.mappings(clerk.source, clerk.may(feed).name)

    def remember(self, clerk: Clerk, feed: str, columns: Mapping[str, str]) -> ColumnMapping:
        """Keep what the columns of a table mean for the next one of this source with exactly these headers.

        ``columns`` names every header of the table: its field, or nothing.

        Raises:
            ConfigurationError: a field that there is not, a personal column, or two columns of one field.
        """
        declared = clerk.may(feed)
        check_columns(declared, columns)
        named = [Column("", header) for header in columns]
        mapping = ColumnMapping(
            clerk.source, declared.name, header_key(named), dict(columns), self.clock.now(), clerk.name
        )
        self.store.remember(mapping)
        return mapping

    def forget(self, clerk: Clerk, feed: str, headers: str) -> bool:
        """Forget a mapping; whether there was one."""
        return self.store.forget(clerk.source, clerk.may(feed).name, headers)

    # --- withdrawing -----------------------------------------------------------------------------------------------

    def withdraw(self, clerk: Clerk, name: str) -> Run:
        """Void the records that an import introduced and that nobody has corrected since.

        Raises:
            ConfigurationError: it has not gone in, or was withdrawn already.
        """
        run, now = self.run(clerk, name), self.clock.now()
        clerk.may(run.report.feed)
        self._note(clerk, run, how="withdraw")
        by = clerk.name.partition(":")[2]
        if not self.store.move(run.id, ("done",), "withdrawn", now):
            raise ConfigurationError("这次导入没有入库，或已经撤回 · this import has not gone in, or was withdrawn")
        source, feed = run.report.source, run.report.feed
        added = [one for one in self.store.touched(run.id) if one.added]
        stored = self.store.stored(source, [one.id for one in added])
        why = f"撤回整次导入：{run.report.file}"[:200]
        events: list[Event] = []
        kept = 0
        for one in added:
            top = max(stored.get(one.id, ()), key=lambda version: version.rank, default=None)
            if top is not None and top.digest != one.digest:
                kept += 1
                continue
            # A record that is still on the road: its withdrawal counts as the later version whichever comes first.
            rev = one.rev if top is None else top.rev
            events.append(voiding(feed, source, one.id, rev, now, reason=why, by=by))
        return self._settle(run, events, "withdrawn", kept)

    def restore(self, clerk: Clerk, name: str) -> Run:
        """Take a withdrawal back: each voided record says again what the import said.

        Raises:
            ConfigurationError: the import is not withdrawn.
        """
        run, now = self.run(clerk, name), self.clock.now()
        clerk.may(run.report.feed)
        self._note(clerk, run, how="restore")
        if not self.store.move(run.id, ("withdrawn",), "done", now):
            raise ConfigurationError("这次导入没有被撤回 · this import is not withdrawn")
        added = {one.id: one for one in self.store.touched(run.id) if one.added}
        stored = self.store.stored(run.report.source, list(added))
        tops = {name: max(found, key=lambda version: version.rank) for name, found in stored.items()}
        ours = {
            name: version for name, found in stored.items() for version in found if version.digest == added[name].digest
        }
        bodies = self.store.events([*ours.values(), *(tops[name] for name in ours)])
        events = [
            replace(bodies[version.seq], rev=tops[name].rev + 1, received_at=now)
            for name, version in ours.items()
            if bodies[tops[name].seq].void
        ]
        return self._settle(run, events, "done", 0)

    def _settle(self, run: Run, events: Sequence[Event], state: str, kept: int) -> Run:
        try:
            for start in range(0, len(events), CHUNK):
                self.intake.append(events[start : start + CHUNK], [])
        except BaseException:
            back = "done" if state == "withdrawn" else "withdrawn"
            self.store.save(run.id, state=back)
            raise
        voided = len(events) if state == "withdrawn" else 0
        self.store.save(run.id, voided=voided, kept=kept)
        found = self.store.get(run.id)
        return run if found is None else found


def _bound(run: str) -> str:
    """What a sealed sheet's contacts are bound to."""
    return f"import\x00{run}"


def _touched(checked: Checked, before: Mapping[str, Touched]) -> tuple[list[Touched], Counts]:
    """The records that lines make or correct, and the counts as they were when the commit was first begun."""
    touched = dict(before)
    tally: dict[Kind, int] = {"added": 0, "corrected": 0, "unchanged": 0}
    for line in checked.lines:
        event, known = line.event, before.get(line.event.id)
        if known is not None and known.digest == event.digest:
            tally["added" if known.added else "corrected"] += 1
            continue
        tally[line.kind] += 1
        if line.kind == "unchanged":
            continue
        added = line.kind == "added" or (event.id in touched and touched[event.id].added)
        touched[event.id] = Touched(event.id, added, event.digest, event.rev, event.received_at)
    counts = Counts(tally["added"], tally["corrected"], tally["unchanged"], len(checked.wrong))
    return list(touched.values()), counts


def check_columns(feed: Feed, columns: Mapping[str, str]) -> Mapping[str, str]:
    """What somebody says columns mean.

    Raises:
        ConfigurationError: a field that there is not, or a personal column.
    """
    allowed = {*ENVELOPE, *(field.name for field in feed.fields)}
    fields: dict[str, str] = {}
    for header, field in columns.items():
        shown = mask(header)[:40]
        twin = fields.setdefault(field, shown) if field else shown
        if twin != shown:
            raise ConfigurationError(
                f"“{twin}”和“{shown}”都对到 {field}：请只留一列 · “{twin}” and “{shown}” both mean {field}"
            )
        if field and private_header(header):
            raise ConfigurationError(
                f"“{shown}”是个人信息列，在入口移除，不能导入 · “{shown}” is a personal column and is never read"
            )
        if field and field not in allowed:
            raise ConfigurationError(
                f"“{shown}”对到了“{mask(field)[:40]}”，应为 {'、'.join(sorted(allowed))}，或留空表示不导入"
                f" · “{shown}”: allowed is a field's name, or nothing"
            )
    return columns


def import_file(
    settings: Settings,
    path: Path,
    feed: str,
    source: str | None = None,
    encoding: str | None = None,
    progress: Progress = lambda *_: None,
) -> Report:
    """Import a table into the road of a data directory whose Redis and database the settings name.

    ``source`` is ``file:<stem>`` when not given. Times without an offset are the region's local time.

    Raises:
        UnknownFeed: no such feed.
        ConfigurationError: the file cannot be read as a table of that feed; nothing was imported.
        Backpressure, StoreUnavailable: importing the file again is harmless.
    """
    feed_named(feed)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path.name} 读不出来（{error.strerror}）：请检查路径和权限") from error
    library, code = open_library(settings.data_dir, settings.region)
    region_at = RegionBook(library, code)
    clock = read_clock(settings.data_dir)
    zone = region_at(0).pack.timezone
    history = History(open_engine(settings.database_url))
    try:
        with redis.Redis.from_url(settings.redis_url) as client:
            check_durability(client, settings.accept_loss)
            intake = Intake(Stream(client, settings.partitions, settings.stream_limit))
            vault = Vault(history.engine, settings.data_dir, Audit(history.engine, settings.data_dir))
            desk = Desk(intake, history, lambda: region_at(day_of(clock.now(), zone)), clock, vault)
            clerk = Clerk(CLI, source or _source(path), zone=zone)
            try:
                return desk.take(clerk, feed, Upload(path.name, data, encoding), progress).report
            except ConfigurationError as error:
                raise ConfigurationError(f"{path.name}：{error.sentence}") from None
    finally:
        history.engine.dispose()


def _source(path: Path) -> str:
    stem = "".join(character for character in mask(path.stem) if character.isprintable()).strip()
    return f"file:{stem[:60] or 'csv'}"
