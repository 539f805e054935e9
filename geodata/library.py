"""The installed region packs of one data directory, and which version is in force on a day.

``DIR/{region}/{valid_from}-{version}/`` holds one version each. Versions are added whole or not at all and never
changed: yesterday is rebuilt with yesterday's rules (EXACTNESS 11). Several processes may read while one installs.

Which of them counts, and since when that has been known, the ledger in SQL says (``dashboard.stores.rules``): a
:class:`RegionBook` is given its rows. A *held* version lies ready and counts only once the ledger names it.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from dashboard.errors import PackError, StoreUnavailable
from geodata.pack import FILES, Words, check_valid_from, load_pack
from geodata.region import Region

BUNDLED = Path(__file__).parent / "packs"
"""The packs that come with the program, one for each scenario."""
BUNDLED_PACK = BUNDLED / "jiashan"
"""The Jiashan pack that comes with the program."""

_NAME = re.compile(r"(\d{8})-([0-9a-f]{12})")
_ORDER_FILE = "installed"
"""Holds the version's turn among all installations: file times do not survive a copy or a restored backup."""
_HELD_FILE = "held"
"""Stands in a version that counts only once the ledger names it."""
_BESIDE = ("SOURCES.md",)


class PackVersion(msgspec.Struct, frozen=True):
    """One installed version. ``order`` counts installations over all regions, from 1."""

    region: str
    valid_from: int
    version: str
    order: int
    path: Path
    held: bool = False


class Adopted(msgspec.Struct, frozen=True):
    """A version that counts: in the order of ``number``, known from the ``known_seq`` ``seq`` on."""

    number: int
    valid_from: int
    version: str
    seq: int


class PackLibrary:
    """Installed packs under a directory (created by the first installation)."""

    def __init__(self, directory: Path | str) -> None:
        self.directory = Path(directory)
        self._listed: dict[str, tuple[int, tuple[PackVersion, ...]]] = {}
        self._loaded: dict[tuple[str, int, str], Region] = {}

    def regions(self) -> tuple[str, ...]:
        """Codes of the regions that have a version, the first installed first."""
        if not self.directory.is_dir():
            return ()
        names = [entry.name for entry in self.directory.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
        first = {name: min(version.order for version in found) for name in names if (found := self.versions(name))}
        return tuple(sorted(first, key=lambda name: (first[name], name)))

    @property
    def default_region(self) -> str:
        """The region that was installed first.

        Raises:
            PackError: when nothing is installed.
        """
        regions = self.regions()
        if not regions:
            raise PackError(
                f"{self.directory} 里还没有区域包，请先安装一个"
                f" · No region pack is installed in {self.directory}: install one first."
            )
        return regions[0]

    def versions(self, region: str) -> tuple[PackVersion, ...]:
        """The installed versions of a region by ``valid_from``, then by order of installation; empty when unknown."""
        home = self._home(region)
        try:
            stamp = home.stat().st_mtime_ns
        except FileNotFoundError:
            return ()
        cached = self._listed.get(region)
        if cached is not None and cached[0] == stamp:
            return cached[1]
        found = []
        for entry in home.iterdir():
            match = _NAME.fullmatch(entry.name)
            if match:
                order = int((entry / _ORDER_FILE).read_text(encoding="ascii"))
                held = (entry / _HELD_FILE).exists()
                found.append(PackVersion(region, int(match[1]), match[2], order, entry, held))
        versions = tuple(sorted(found, key=lambda version: (version.valid_from, version.order)))
        self._listed[region] = (stamp, versions)
        return versions

    def at(self, region: str, day: int) -> Region:
        """The version in force on a local day (yyyymmdd): the greatest ``valid_from`` not after it.

        Of two with the same ``valid_from`` the last installed is in force; before the earliest one, the earliest is.

        Raises:
            PackError: when no version of the region is installed.
        """
        versions = [version for version in self.versions(region) if not version.held]
        if not versions:
            known = self.regions()
            raise PackError(
                f"{self.directory} 里没有区域“{region}”的区域包，请先安装（已安装：{'、'.join(known) or '无'}）"
                f" · No pack of region “{region}” is installed in {self.directory}: "
                f"install one first (installed: {', '.join(known) or 'none'})."
            )
        due = [version for version in versions if version.valid_from <= day]
        if due:
            return self.load(due[-1])
        earliest = [version for version in versions if version.valid_from == versions[0].valid_from]
        return self.load(earliest[-1])

    def load(self, version: PackVersion) -> Region:
        """The region of one installed version, read once per process."""
        key = (version.region, version.valid_from, version.version)
        if key not in self._loaded:
            self._loaded[key] = _in_force(load_pack(version.path), version.valid_from)
        return self._loaded[key]

    def find(self, region: str, valid_from: int, version: str) -> PackVersion:
        """The installed version of that day and hash.

        Raises:
            PackError: there is none, although the ledger names it.
        """
        for found in self.versions(region):
            if (found.valid_from, found.version) == (valid_from, version):
                return found
        raise PackError(
            f"{self.directory} 里缺少区域包 {region}/{valid_from}-{version}，请从备份恢复"
            f" · The pack {region}/{valid_from}-{version} is missing in {self.directory}: restore it from a backup."
        )

    def install(self, path: Path | str, valid_from: int | None = None, held: bool = False) -> Region:
        """Check a pack directory, copy it into the library in one step and return its region.

        ``valid_from`` (yyyymmdd) replaces the pack's own day. What is installed already stays as it is, with its
        place in the order. ``held``: it does not count until the ledger names it; installing a held version again
        without it makes it count. A pack that is wrong leaves nothing behind.

        Raises:
            PackError: when the pack or the day is wrong, or the directory cannot be written.
        """
        if valid_from is not None:
            check_valid_from(valid_from, Words("安装", "install"))
        load_pack(path)
        try:
            with self._installing():
                return self._install(Path(path), valid_from, held)
        except OSError as error:
            raise PackError(
                f"区域包存不进 {self.directory}（{error.strerror}），请检查空间和权限"
                f" · The pack cannot be stored in {self.directory} ({error.strerror}): check space and permissions."
            ) from error

    def _install(self, source: Path, valid_from: int | None, held: bool) -> Region:
        with tempfile.TemporaryDirectory(prefix=".staging-", dir=self.directory) as room:
            staged = Path(room) / "pack"
            staged.mkdir()
            for name in (*FILES, *_BESIDE):
                if (source / name).is_file():
                    shutil.copyfile(source / name, staged / name)
            # Checked again as copied: the source may have changed since, and this copy is what will be used.
            region = load_pack(staged)
            region = _in_force(region, region.pack.valid_from if valid_from is None else valid_from)
            pack = region.pack
            key = (pack.region, pack.valid_from, pack.version)
            self._listed.pop(pack.region, None)
            for version in self.versions(pack.region):
                if (version.region, version.valid_from, version.version) == key:
                    if version.held and not held:
                        (version.path / _HELD_FILE).unlink()
                        _sync(version.path)
                        # Other processes look for changes by the time of the directory above.
                        os.utime(version.path.parent)
                        self._listed.pop(pack.region, None)
                    return self.load(version)
            taken = [version.order for name in self.regions() for version in self.versions(name)]
            (staged / _ORDER_FILE).write_text(f"{max(taken, default=0) + 1}\n", encoding="ascii")
            if held:
                (staged / _HELD_FILE).touch()
            home = self._home(pack.region)
            home.mkdir(exist_ok=True)
            for file in staged.iterdir():
                _sync(file)
            _sync(staged)
            staged.rename(home / f"{pack.valid_from:08d}-{pack.version}")
            _sync(home)
            _sync(self.directory)
        self._listed.pop(pack.region, None)
        return self._loaded.setdefault(key, region)

    @contextmanager
    def _installing(self) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _home(self, region: str) -> Path:
        if not region or region.startswith(".") or Path(region).name != region:
            raise PackError(
                f"region 是“{region}”，应为已安装区域的代码"
                f" · region: got “{region}”, allowed is the code of an installed region."
            )
        return self.directory / region


def _in_force(region: Region, valid_from: int) -> Region:
    if region.pack.valid_from == valid_from:
        return region
    pack = msgspec.structs.replace(region.pack, valid_from=valid_from)
    return Region(pack, region.boundaries, region.warnings)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


Ledger = Callable[[], Sequence[Adopted]]
"""Reads which versions count, from SQL; none yet: all that are installed and not held."""
KEPT_S = 2.0


class RegionBook:
    """``book(day)`` is the version in force on a local day (yyyymmdd; 0 is the earliest), ``known(day, seq)`` the one
    that was known to be at a ``known_seq``. Safe to share between threads.

    The hot path asks for every record; what changed meanwhile is noticed within two seconds, or at once by
    :meth:`read`. Without a ledger the library's own order decides.
    """

    def __init__(self, library: PackLibrary, region: str, ledger: Ledger | None = None) -> None:
        self.library, self.region = library, region
        self._ledger = ledger
        self._rows: tuple[Adopted, ...] = ()
        self._held: dict[int, Region] = {}
        self._until = 0.0
        self._upto = -1

    def __call__(self, day: int) -> Region:
        """The version in force on a local day."""
        now = time.monotonic()
        if now > self._until:
            self._refresh()
            self._until = now + KEPT_S
        held = self._held
        found = held.get(day)
        if found is None:
            found = held[day] = self._at(day, self._rows)
        return found

    def known(self, day: int, seq: int) -> Region:
        """The version that was in force on a local day as far as it was known at ``seq``."""
        # What is adopted while we read belongs to a later seq.
        if seq > self._upto and self._refresh():
            self._upto = max(self._upto, seq)
        return self._at(day, tuple(row for row in self._rows if row.seq <= seq))

    def rows(self, seq: int | None = None) -> tuple[Adopted, ...]:
        """The versions in force one after the other, ascending by day, as known at ``seq`` (now, when ``None``)."""
        if seq is None:
            self._refresh()
        elif seq > self._upto:
            self.known(0, seq)
        rows = tuple(row for row in self._rows if seq is None or row.seq <= seq) or self._installed()
        return in_turn(rows)

    def read(self, rows: Sequence[Adopted]) -> None:
        """Take over what a transaction read: from now on these versions count."""
        if tuple(rows) != self._rows or not rows:
            self._rows = tuple(rows)
            self._held = {}

    def load(self, row: Adopted) -> Region:
        """The region of a version that counts.

        Raises:
            PackError: it is missing on disk.
        """
        return self.library.load(self.library.find(self.region, row.valid_from, row.version))

    def path(self, row: Adopted) -> Path:
        """Where a version lies.

        Raises:
            PackError: it is missing on disk.
        """
        return self.library.find(self.region, row.valid_from, row.version).path

    def choose(self, day: int, rows: Sequence[Adopted]) -> Region:
        """The version in force on a day if exactly ``rows`` counted."""
        return self._at(day, tuple(rows))

    def _refresh(self) -> bool:
        if self._ledger is None:
            self._held = {}
            return True
        try:
            self.read(self._ledger())
        except StoreUnavailable:
            # Pages live on what is in the window while SQL is away; so do the rules that they were made with.
            return False
        return True

    def _installed(self) -> tuple[Adopted, ...]:
        versions = [version for version in self.library.versions(self.region) if not version.held]
        return tuple(Adopted(found.order, found.valid_from, found.version, 0) for found in versions)

    def _at(self, day: int, rows: tuple[Adopted, ...]) -> Region:
        row = in_force(rows, day)
        return self.library.at(self.region, day) if row is None else self.load(row)


def in_force(rows: Sequence[Adopted], day: int) -> Adopted | None:
    """Of versions that count, the one in force on a day: the greatest ``valid_from`` not after it, of equals the last.

    Before the earliest day the earliest version is; ``None`` without any.
    """
    due = [row for row in rows if row.valid_from <= day]
    if not due and rows:
        first = min(row.valid_from for row in rows)
        due = [row for row in rows if row.valid_from == first]
    return max(due, key=lambda row: (row.valid_from, row.number), default=None)


def in_turn(rows: Sequence[Adopted]) -> tuple[Adopted, ...]:
    """Of versions that count, those that are in force on some day, ascending by day."""
    last: dict[int, Adopted] = {}
    for row in sorted(rows, key=lambda row: (row.valid_from, row.number)):
        last[row.valid_from] = row
    return tuple(last.values())


def region_known(region_at: Callable[[int], Region], day: int, seq: int) -> Region:
    """The version in force on a day as known at ``seq``, as far as ``region_at`` keeps a ledger."""
    return region_at.known(day, seq) if isinstance(region_at, RegionBook) else region_at(day)


def bundled_pack(region: str) -> Path | None:
    """The built-in pack of a region, if there is one."""
    for manifest in sorted(BUNDLED.glob("*/pack.toml")):
        if tomllib.loads(manifest.read_text(encoding="utf-8"))["region"] == region:
            return manifest.parent
    return None


def open_library(data_dir: Path, region: str) -> tuple[PackLibrary, str]:
    """The library of a data directory and the code of its region; the built-in pack is installed where there is none.

    ``region`` is a code, or the path of a pack to install.

    Raises:
        PackError: no pack of that region.
    """
    library = PackLibrary(Path(data_dir) / "packs")
    if (Path(region) / "pack.toml").is_file():
        return library, library.install(Path(region)).pack.region
    if not library.versions(region):
        bundled = bundled_pack(region)
        if bundled is None:
            raise PackError(
                f"还没有区域 {region} 的区域包，请用 ./townwatch geodata load 目录 载入"
                f" · There is no pack of region {region} yet: load one with ./townwatch geodata load DIR."
            )
        library.install(bundled)
    return library, region
