"""A Chromium, the running product, and tabs whose console and requests are listened to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from dashboard import suite
from dashboard.domain.place import RegionPack
from geodata.pack import load_pack
from tests.browser.running import ROOT, Running, running
from tests.browser.tabs import OTHER, TOWN, Tabs
from tests.conftest import missing

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium."""
    path = suite.browser()
    if not path:
        missing("The browser tests need Chromium: install it (on Debian: apt-get install chromium fonts-noto-cjk).")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A live world that nobody has ever sent a record to."""
    with running(tmp_path_factory.mktemp("empty") / "data") as product:
        yield product


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A live world with a morning's records in two towns and none in the others."""
    with running(tmp_path_factory.mktemp("live") / "data") as product:
        readings = [product.reading(TOWN, 36.0 + one / 50, 1 + one % 3) for one in range(41)]
        readings += [product.reading(OTHER, 36.1 + one / 50, 1 + one % 3) for one in range(23)]
        product.post("temperature", [*readings, product.reading(TOWN, 37.9), product.reading(OTHER, 38.8)])
        units = [one for one in _units(product) if one[0] in (TOWN, OTHER)]
        product.post("patrol", [product.fix(*one) for one in units])
        yield product


def _units(product: Running) -> list[tuple[str, str, float, float]]:
    """A unit of each town at the town's first patrol point."""
    found: dict[str, tuple[str, str, float, float]] = {}
    for place in product.get("/api/v1/places?kind=patrol_point")["places"]:
        found.setdefault(place["town"], (place["town"], f"{place['town']}-U1", place["lon"], place["lat"]))
    return list(found.values())


@pytest.fixture
def tabs(chromium: Browser) -> Iterator[Tabs]:
    """Tabs of this test alone, closed at its end."""
    opened = Tabs(chromium)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def pack() -> RegionPack:
    """The region pack that the product runs with."""
    return load_pack(ROOT / "geodata" / "packs" / "jiashan").pack
