"""The watched folder on a real file system: settling, taking, putting away, and whatever a share may do to it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard.errors import Backpressure, ConfigurationError
from ingest.gateways.folder import DONE, FAILED, WORK, Outcome, Watch

FEEDS = {"temperature": ("卡点体温", "体温"), "patrol": ("巡逻日志", "巡逻")}


class Imports:
    """Stands where the gateways of tables and tracks stand; remembers what it was handed."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str, bytes]] = []
        self.error: Exception | None = None
        self.outcome = Outcome(1, 0, "报告 report")
        self.meanwhile: Callable[[], object] = lambda: None

    def __call__(self, feed: str, name: str, data: bytes) -> Outcome:
        """Take a file."""
        self.meanwhile()
        if self.error is not None:
            raise self.error
        self.taken.append((feed, name, data))
        return self.outcome


class Place:
    """A watched folder with a clock that the test moves."""

    def __init__(self, root: Path) -> None:
        self.root, self.now, self.imports = root, 0.0, Imports()
        root.mkdir(exist_ok=True)
        self.watch = self.another()

    def another(self) -> Watch:
        """Another process's watch of the same folder."""
        return Watch(self.root, FEEDS, self.imports, settle_s=5, largest=1000, tick=lambda: self.now)

    def put(self, name: str, data: bytes = b"rows", feed: str = "temperature") -> Path:
        """A file in the inbox of a feed."""
        path = self.root / feed / name if feed else self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return path

    def settle(self, seconds: float = 6) -> int:
        """Look, let time pass, look again; how many files were put away."""
        done = self.watch.scan()
        self.now += seconds
        return done + self.watch.scan()

    def names(self, folder: str, feed: str = "temperature") -> list[str]:
        """Names in a folder of a feed, digests cut out."""
        found = [path.name for path in (self.root / feed / folder).iterdir() if not path.name.startswith(".")]
        return sorted(".".join(part for part in name.split(".") if not _hex(part)) for name in found)

    def report(self, folder: str = FAILED, feed: str = "temperature") -> str:
        """The text of the only report in a folder."""
        (path,) = (self.root / feed / folder).glob("*.report.txt")
        return path.read_text(encoding="utf-8")


def _hex(part: str) -> bool:
    return len(part) == 8 and all(letter in "0123456789abcdef" for letter in part)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A watched folder."""
    found = Place(tmp_path / "收件")
    yield found
    found.watch.close()


def test_a_file_that_rests_is_taken_and_put_away_with_its_report(place: Place) -> None:
    place.put("早班体温 2月18日.csv", b"one")
    assert place.watch.scan() == 0, "it may still be growing"
    place.now += 4
    assert place.watch.scan() == 0
    place.now += 2
    assert place.watch.scan() == 1
    assert place.imports.taken == [("temperature", "早班体温 2月18日.csv", b"one")]
    assert place.names(DONE) == ["早班体温 2月18日.csv", "早班体温 2月18日.report.txt"]
    assert place.names(WORK) == place.names(FAILED) == []
    assert place.report(DONE) == "报告 report\n"
    assert place.settle() == 0


def test_a_file_that_grows_is_left_until_it_rests(place: Place) -> None:
    path = place.put("a.csv", b"1")
    for _ in range(5):
        assert place.watch.scan() == 0
        place.now += 4
        with open(path, "ab") as file:
            file.write(b"1")
    assert place.settle() == 1
    assert place.imports.taken[0][2] == b"111111"


def test_a_file_that_somebody_holds_open_for_writing_is_left(place: Place) -> None:
    path = place.put("a.csv", b"half")
    with open(path, "ab"):
        assert place.settle() == place.settle() == 0
    assert place.settle() == 1


def test_a_file_that_changes_while_it_is_imported_comes_again_whole(place: Place) -> None:
    path = place.put("a.csv", b"half")

    def grow() -> None:
        place.imports.meanwhile = lambda: None
        with open(place.root / "temperature" / WORK / "a.csv", "ab") as file:
            file.write(b" and half")

    place.imports.meanwhile = grow
    place.settle()
    assert path.exists(), "back in the inbox"
    place.settle()
    assert [data for _, _, data in place.imports.taken] == [b"half", b"half and half"]
    assert place.names(DONE) == ["a.csv", "a.report.txt"]


def test_wrong_rows_come_back_as_a_file(place: Place) -> None:
    place.imports.outcome = Outcome(9, 1, "report", "原因\n".encode("utf-8-sig"), ".csv")
    place.put("a.csv")
    place.settle()
    assert place.names(DONE) == ["a.csv", "a.rejected.csv", "a.report.txt"]


def test_a_file_of_which_nothing_went_in_has_failed(place: Place) -> None:
    place.imports.outcome = Outcome(0, 3, "report")
    place.put("a.csv")
    place.settle()
    assert (place.names(DONE), place.names(FAILED)) == ([], ["a.csv", "a.report.txt"])


def test_a_file_that_cannot_be_imported_has_failed_and_stops_no_other(place: Place) -> None:
    place.imports.error = ConfigurationError("缺少必需的列 · missing column")
    place.put("a.csv")
    place.settle()
    assert place.report() == "a.csv：缺少必需的列 · missing column\n"
    place.imports.error = ZeroDivisionError("a defect")
    place.put("b.csv")
    place.settle()
    place.imports.error = None
    place.put("c.csv")
    assert place.settle() == 1
    assert "程序出错" in next(place.root.glob("temperature/failed/b.*.report.txt")).read_text(encoding="utf-8")
    assert place.names(DONE) == ["c.csv", "c.report.txt"]


def test_a_full_road_leaves_files_where_they_are_until_there_is_room(place: Place) -> None:
    place.imports.error = Backpressure("路满了", retry_after=5)
    place.put("a.csv")
    place.put("b.csv")
    assert place.settle() == 0
    assert place.names(WORK) == ["a.csv", "b.csv"]
    place.imports.error = None
    assert place.watch.scan() == 2
    assert place.names(WORK) == []


@pytest.mark.parametrize("name", [".hidden.csv", "~$open.xlsx", "a.csv.part", "b.crdownload", "c.tmp", "Thumbs.db"])
def test_what_is_no_finished_file_is_left(place: Place, name: str) -> None:
    path = place.put(name)
    assert place.settle() == place.settle() == 0
    assert path.exists()


def test_links_folders_and_pipes_are_left(place: Place, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_bytes(b"not ours")
    inbox = place.put("a.csv").parent
    (inbox / "link.csv").symlink_to(secret)
    (inbox / "folder.csv").mkdir()
    os.mkfifo(inbox / "pipe.csv")
    assert place.settle() == 1
    assert [name for _, name, _ in place.imports.taken] == ["a.csv"]


def test_an_empty_file_is_waited_for_and_then_told_of(place: Place) -> None:
    path = place.put("a.csv", b"")
    assert place.settle() == place.settle() == 0
    path.write_bytes(b"rows")
    assert place.settle() == 1
    place.put("b.csv", b"")
    place.settle(60)
    assert place.report() == "b.csv：文件是空的：请重新放入 · the file is empty\n"


def test_a_file_beyond_the_limit_is_refused_unread(place: Place) -> None:
    place.put("a.csv", b"x" * 1001)
    place.settle()
    assert "应不超过" in place.report()
    assert place.imports.taken == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not read a file")
def test_a_file_that_may_not_be_read_and_a_folder_that_may_not_be_written() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        place = Place(root / "in")
        place.watch.scan()
        path = place.put("a.csv")
        path.chmod(0)
        for folder in (place.root, *place.root.rglob("*")):
            os.chown(folder, 65534 if folder.is_dir() else 0, 0)
        place.watch.close()
        (place.root / ".townwatch.lock").unlink()
        os.seteuid(65534)
        try:
            place.settle()
            place.watch.close()
            told = place.report()
        finally:
            os.seteuid(0)
        assert (
            told
            == "a.csv：文件读不出来（Permission denied）：请检查权限后重新放入 · it cannot be read: check its permissions\n"
        )
        place.root.chmod(0o555)
        os.chown(place.root, 0, 0)
        os.chown(place.root / ".townwatch.lock", 0, 0)
        (place.root / ".townwatch.lock").chmod(0o444)
        os.seteuid(65534)
        try:
            assert place.settle() == 0
        finally:
            os.seteuid(0)
            place.watch.close()


def test_the_same_name_twice_keeps_both_and_the_same_file_twice_keeps_one(place: Place) -> None:
    for data in (b"one", b"two", b"one"):
        place.put("daily.csv", data)
        assert place.settle() == 1
    assert place.names(DONE) == ["daily.csv", "daily.csv", "daily.report.txt", "daily.report.txt"]


def test_files_beside_the_folders_go_by_their_names(place: Place) -> None:
    for name in ("体温-早班.csv", "patrol 2.csv", "卡点体温.csv", "别的.csv"):
        place.put(name, feed="")
    place.settle()
    assert sorted((feed, name) for feed, name, _ in place.imports.taken) == [
        ("patrol", "patrol 2.csv"), ("temperature", "体温-早班.csv"), ("temperature", "卡点体温.csv")
    ]  # fmt: skip
    (report,) = (place.root / FAILED).glob("别的.*.report.txt")
    assert report.read_text(encoding="utf-8").startswith("不知道这是哪个数据流的文件")


def test_names_of_any_encoding_and_length(place: Place) -> None:
    inbox = place.put("a.csv").parent
    (inbox / os.fsdecode("巡逻.csv".encode("gb18030"))).write_bytes(b"gb")
    (inbox / os.fsdecode(b"\xff\xfe.csv")).write_bytes(b"neither")
    place.put("镇" * 80 + ".csv", b"long")
    place.put("13800138000.csv", b"phone")
    assert place.settle() == 5
    assert {name for _, name, _ in place.imports.taken} == {
        "a.csv", "巡逻.csv", "\ufffd\ufffd.csv", "镇" * 80 + ".csv", "138********.csv"
    }  # fmt: skip
    assert len(place.names(DONE)) == 10


def test_a_second_process_waits_and_takes_over(place: Place) -> None:
    assert place.watch.scan() == 0
    second = place.another()
    place.put("a.csv")
    second.scan()
    place.now += 6
    assert second.scan() == 0
    place.watch.close()
    second.scan()
    place.now += 6
    assert second.scan() == 1
    second.close()


def test_two_processes_that_cannot_lock_never_take_one_file_twice(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    second = place.another()
    for number in range(20):
        place.put(f"{number}.csv")
    place.watch.scan()
    second.scan()
    place.now += 6
    place.watch.scan()
    second.scan()
    second.close()
    assert len(place.imports.taken) == 20


def test_a_folder_that_is_away_comes_back(tmp_path: Path) -> None:
    place = Place(tmp_path / "share")
    place.put("a.csv")
    place.watch.scan()
    place.root.rename(tmp_path / "away")
    place.now += 6
    assert place.watch.scan() == 0
    assert not place.root.exists(), "nothing is put under a mount point that is not mounted"
    (tmp_path / "away").rename(place.root)
    assert place.settle() == 1
    place.watch.close()


def test_what_a_killed_process_left_is_imported_again(place: Place) -> None:
    # Killed after taking, and once more between report and putting away.
    work = place.root / "temperature" / WORK
    work.mkdir(parents=True)
    (work / "left.csv").write_bytes(b"rows")
    assert place.watch.scan() == 1
    assert place.names(DONE) == ["left.csv", "left.report.txt"]
    (work / "left.csv").write_bytes(b"rows")
    assert place.watch.scan() == 1
    assert place.names(DONE) == ["left.csv", "left.report.txt"]


def test_it_stops_when_it_is_told(place: Place) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=place.watch.run, args=(stop, 0.01))
    thread.start()
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    second = place.another()
    second.scan()
    assert second._lock is not None, "the lock is free"
    second.close()


def test_an_error_of_one_scan_does_not_end_the_watch(place: Place) -> None:
    (place.root / "temperature").write_bytes(b"a file where a folder should be")
    stop = threading.Event()
    thread = threading.Thread(target=place.watch.run, args=(stop, 0.01))
    thread.start()
    (place.root / "temperature").unlink()
    while not (place.root / "temperature" / WORK).is_dir():
        assert thread.is_alive()
    stop.set()
    thread.join(20)


KILLED = """
import sys
from pathlib import Path
from ingest.gateways.folder import Outcome, Watch
def take(feed, name, data):
    print(name, flush=True)
    sys.stdin.read()
    return Outcome(1, 0, "x")
clock = iter(range(0, 10_000, 100))
watch = Watch(Path(sys.argv[1]), {"temperature": ()}, take, settle_s=1, tick=lambda: next(clock))
watch.scan(); watch.scan()
"""


def test_a_process_killed_outright_lets_go_of_the_folder(place: Place) -> None:
    place.put("a.csv")
    code = [sys.executable, "-c", KILLED, str(place.root)]
    with subprocess.Popen(
        code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"a.csv\n"
        assert place.watch.scan() == 0, "the other one holds it"
        process.kill()
        process.wait()
    assert place.watch.scan() == 1
    assert place.imports.taken == [("temperature", "a.csv", b"rows")]
