"""The one error tree: each error is one sentence with the remedy and knows whether trying again helps."""

from __future__ import annotations


class TownwatchError(Exception):
    """Base of every error that a person may read. ``retry`` says whether the same call may succeed later."""

    retry = False

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class ConfigurationError(TownwatchError):
    """A setting, file or machine is not as it must be; the sentence says what to change."""


class PackError(TownwatchError):
    """A region pack is wrong; the sentence names the file, the line or feature, what was got and what is allowed."""


class UnknownFeed(TownwatchError):
    """No feed of that name is declared."""


class UnknownImport(TownwatchError):
    """There is no such import, it is somebody else's, or the time for which its rows are kept is over."""


class NotATable(TownwatchError):
    """A file is of a kind that holds no table; the sentence says what to save it as."""


class Overlapping(TownwatchError):
    """Two figures whose people overlap were to be divided by one another."""


class Archived(TownwatchError):
    """The records of a local day have left the database: its figures stand, what would need them cannot be had."""

    def __init__(self, feed: str, day: int, before: int) -> None:
        told, first = (f"{one // 10000}-{one // 100 % 100:02d}-{one % 100:02d}" for one in (day, before))
        super().__init__(
            f"{feed} 在 {told} 的原始记录已移入归档（{first} 之前的都是），那一天的指标不变，但不能再补记、更正或回放"
            f" · Records of {feed} on {told} are in the archive (all before {first}): the figures of that day stand, "
            "but it can be neither added to, corrected nor replayed."
        )


class NotAllowed(TownwatchError):
    """The viewer or token may not do this."""


class Outdated(TownwatchError):
    """Somebody else has changed meanwhile what was to be changed; the sentence says who, and what it is now."""


class Backpressure(TownwatchError):
    """The road is full: the caller should wait ``retry_after`` seconds; nothing of the call was taken."""

    retry = True

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class DiskFull(Backpressure):
    """The disk has less space left than is kept in reserve; nothing of the call was taken."""


class LeaseLost(TownwatchError):
    """Another worker owns the partition now; what was being written is rolled back."""

    retry = True


class StoreUnavailable(TownwatchError):
    """Redis or the database does not answer."""

    retry = True
