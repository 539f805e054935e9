"""The installed region packs of one data directory, and which version is in force on a day.

``DIR/{region}/{valid_from}-{version}/`` holds one version each. Versions are added whole or not at all and never
changed: yesterday is rebuilt with yesterday's rules (EXACTNESS 11). Several processes may read while one installs.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from dashboard.errors import PackError
from geodata.pack import FILES, Words, check_valid_from, load_pack
from geodata.region import Region

BUNDLED_PACK = Path(__file__).parent / "packs" / "jiashan"
"""The Jiashan pack that comes with the program."""

_NAME = re.compile(r"(\d{8})-([0-9a-f]{12})")
_ORDER_FILE = "installed"
"""Holds the version's turn among all installations: file times do not survive a copy or a restored backup."""
_BESIDE = ("SOURCES.md",)


class PackVersion(msgspec.Struct, frozen=True):
    """One installed version. ``order`` counts installations over all regions, from 1."""

    region: str
    valid_from: int
    version: str
    order: int
    path: Path


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
                found.append(PackVersion(region, int(match[1]), match[2], order, entry))
        versions = tuple(sorted(found, key=lambda version: (version.valid_from, version.order)))
        self._listed[region] = (stamp, versions)
        return versions

    def at(self, region: str, day: int) -> Region:
        """The version in force on a local day (yyyymmdd): the greatest ``valid_from`` not after it.

        Of two with the same ``valid_from`` the last installed is in force; before the earliest one, the earliest is.

        Raises:
            PackError: when no version of the region is installed.
        """
        versions = self.versions(region)
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

    def install(self, path: Path | str, valid_from: int | None = None) -> Region:
        """Check a pack directory, copy it into the library in one step and return its region.

        ``valid_from`` (yyyymmdd) replaces the pack's own day. What is installed already stays as it is, with its
        place in the order. A pack that is wrong leaves nothing behind.

        Raises:
            PackError: when the pack or the day is wrong, or the directory cannot be written.
        """
        if valid_from is not None:
            check_valid_from(valid_from, Words("安装", "install"))
        load_pack(path)
        try:
            with self._installing():
                return self._install(Path(path), valid_from)
        except OSError as error:
            raise PackError(
                f"区域包存不进 {self.directory}（{error.strerror}），请检查空间和权限"
                f" · The pack cannot be stored in {self.directory} ({error.strerror}): check space and permissions."
            ) from error

    def _install(self, source: Path, valid_from: int | None) -> Region:
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
                    return self.load(version)
            taken = [version.order for name in self.regions() for version in self.versions(name)]
            (staged / _ORDER_FILE).write_text(f"{max(taken, default=0) + 1}\n", encoding="ascii")
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


class RegionBook:
    """``book(day)`` is the version in force on a local day (yyyymmdd; 0 is the earliest), looked up every two seconds.

    The hot path asks for every record; a version that was installed meanwhile is in force within those two seconds.
    """

    def __init__(self, library: PackLibrary, region: str) -> None:
        self.library, self.region = library, region
        self._held: dict[int, Region] = {}
        self._until = 0.0

    def __call__(self, day: int) -> Region:
        """The version in force on a local day."""
        now = time.monotonic()
        if now > self._until:
            self._held.clear()
            self._until = now + 2.0
        found = self._held.get(day)
        if found is None:
            found = self._held[day] = self.library.at(self.region, day)
        return found


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
        if load_pack(BUNDLED_PACK).pack.region != region:
            raise PackError(
                f"还没有区域 {region} 的区域包，请用 ./townwatch geodata load 目录 载入"
                f" · There is no pack of region {region} yet: load one with ./townwatch geodata load DIR."
            )
        library.install(BUNDLED_PACK)
    return library, region
