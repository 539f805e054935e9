"""What tests of desk pages do alike: read the address, wait for the page, take its files."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page

from tests.browser.tabs import Tab


def query_of(page: Page) -> dict[str, str]:
    """What stands in the address."""
    return {key: values[0] for key, values in parse_qs(urlsplit(page.url).query).items()}


def drawn(tab: Tab, name: str, selector: str) -> None:
    """Wait until the page of that name shows what its address asks for."""
    tab.page.wait_for_selector(selector, state="attached")
    tab.until(f"() => !document.querySelector('#{name}-page').hasAttribute('aria-busy')")


def download(tab: Tab, selector: str, folder: Path) -> Path:
    """What a choice of the export menu gives, kept under the name it came with."""
    tab.page.click('[data-act="files"]')
    with tab.page.expect_download() as coming:
        tab.page.click(selector)
    target = folder / coming.value.suggested_filename
    coming.value.save_as(target)
    return target
