"""OpenID Connect against a provider of its own process: real HTTP, real keys, code flow with PKCE, and what may go wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from dashboard.access.oidc import Provider, Unreachable, mappings_of
from dashboard.access.policy import Role
from dashboard.errors import ConfigurationError
from dashboard.stores import redis_server as embedded
from tests.engine.answers import request
from tests.engine.core import DAYUN, YAOZHUANG
from tests.engine.people import Browser, Town, town

CLIENT, SECRET = "townwatch", "a-secret-of-the-client"
ROLES = "groups:police-chiefs=chief; groups:office=clerk; admin:true=administrator"


class Issuer:
    """The provider's process: who signs in there next, and how its answers are spoilt."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port
        self.address = f"http://127.0.0.1:{port}"

    def next(self, who: dict[str, Any], /, **how: Any) -> None:
        """Who signs in next; ``how``: changes of the token (``claims``, ``key``, ``algorithm``)."""
        body = json.dumps({"claims": who, "how": how}).encode()
        assert request(self.port, "POST", "/next", body, {}).status == 200

    def authorize(self, where: str) -> str:
        """What the person's browser is sent back to."""
        assert where.startswith(self.address)
        got = request(self.port, "GET", where.removeprefix(self.address), None, {})
        assert got.status == 302, got.body
        return got.headers["location"]


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """A provider on a free port of this machine."""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("oidc_provider.py")), CLIENT, SECRET],
        stdout=subprocess.PIPE, text=True, env=dict(os.environ),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        yield Issuer(process, int(process.stdout.readline()))
        process.terminate()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[Town]:
    """The product with that provider."""
    server = embedded.start(tmp_path_factory.mktemp("redis"))
    with town(
        tmp_path_factory.mktemp("data"), server.url, oidc_issuer=issuer.address, oidc_client=CLIENT,
        oidc_secret=SECRET, oidc_roles=ROLES, oidc_towns="towns", oidc_staff="badge", oidc_name="善治通",
    ) as made:  # fmt: skip
        yield made
    server.stop()


def come(here: Town, issuer: Issuer, browser: Browser | None = None, path: str = "/patrols") -> Any:
    """A person through the whole flow; the answer to the callback."""
    browser = browser or here.browser()
    asked = browser.get(f"/signin/oidc?{urlencode({'next': path})}")
    assert asked.status == 303, asked.body
    query = parse_qs(urlsplit(asked.headers["location"]).query)
    assert query["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= set(query)
    back = urlsplit(issuer.authorize(asked.headers["location"]))
    return browser.get(f"{back.path}?{back.query}")


WHO: dict[str, Any] = {
    "sub": "u-1",
    "preferred_username": "许岩",
    "groups": ["police-chiefs"],
    "towns": [YAOZHUANG],
    "badge": "J-7",
}


def test_somebody_with_a_role_comes_in_as_what_the_claims_say(here: Town, issuer: Issuer) -> None:
    assert "用 善治通 登录" in here.browser().get("/signin").body.decode()
    issuer.next(WHO)
    browser = here.browser()
    got = come(here, issuer, browser)
    assert (got.status, got.headers["location"]) == (303, "/patrols"), got.body.decode()
    me = browser.get("/api/v1/me").json
    assert (me["name"], me["staff"], me["password"]) == ("许岩", "J-7", False)
    assert [one["role"] for one in me["roles"]] == ["chief"]
    assert [one["code"] for one in me["towns"]] == [YAOZHUANG]
    assert "townwatch-oidc" not in browser.cookies
    # The claims count each time, and a town may be said by name.
    issuer.next({**WHO, "groups": ["office", "police-chiefs"], "towns": "大云镇"})
    assert come(here, issuer, browser).status == 303
    me = browser.get("/api/v1/me").json
    assert [one["role"] for one in me["roles"]] == ["chief", "clerk"]
    assert [one["code"] for one in me["towns"]] == [DAYUN]


def test_nobody_else_comes_in(here: Town, issuer: Issuer) -> None:
    refused: dict[str, dict[str, Any]] = {
        "no role": {**WHO, "sub": "u-2", "groups": ["drivers"]},
        "no groups": {"sub": "u-3", "preferred_username": "甲"},
        "no town": {**WHO, "sub": "u-4", "preferred_username": "乙", "towns": ["999"]},
        "somebody's name": {**WHO, "sub": "u-5", "preferred_username": "秦月"},
        "no name": {**WHO, "sub": "u-6", "preferred_username": "<script>"},
    }
    for why, claims in refused.items():
        issuer.next(claims)
        browser = here.browser()
        got = come(here, issuer, browser)
        text = got.body.decode()
        assert got.status == 403, (why, text)
        assert "不能登录" in text, why
        assert "<script>" not in text, why
        assert "townwatch" not in browser.cookies, why
    issuer.next(WHO)
    assert come(here, issuer).status == 303
    here.accounts.disable(1, "许岩")
    issuer.next(WHO)
    assert "已停用" in come(here, issuer).body.decode()
    here.accounts.enable(1, "许岩")
    assert ("?", "sign_in", "oidc", "refused") in here.audit()


@pytest.mark.parametrize(
    "how",
    [
        {"claims": {"nonce": "another"}},
        {"claims": {"aud": "somebody-else"}},
        {"claims": {"aud": [CLIENT, "other"], "azp": "other"}},
        {"claims": {"iss": "https://evil.example"}},
        {"claims": {"exp": 1}},
        {"claims": {"exp": None}},
        {"claims": {"iat": 99999999999}},
        {"claims": {"sub": ""}},
        {"key": "foreign"},
        {"key": "secret"},
        {"key": "none"},
    ],
)
def test_a_token_that_is_not_right_signs_nobody_in(here: Town, issuer: Issuer, how: dict[str, Any]) -> None:
    issuer.next(WHO, **how)
    browser = here.browser()
    assert come(here, issuer, browser).status == 403
    assert "townwatch" not in browser.cookies


def test_an_answer_to_nobodys_question_signs_nobody_in(here: Town, issuer: Issuer) -> None:
    issuer.next(WHO)
    victim, attacker = here.browser(), here.browser()
    asked = attacker.get("/signin/oidc")
    back = urlsplit(issuer.authorize(asked.headers["location"]))
    # The attacker's answer in the victim's browser, with and without a question of its own.
    assert victim.get(f"{back.path}?{back.query}").status == 403
    victim.get("/signin/oidc")
    assert victim.get(f"{back.path}?{back.query}").status == 403
    assert "townwatch" not in victim.cookies
    # Another's code with one's own state: the proof of the code exchange does not fit.
    issuer.next(WHO)
    own = parse_qs(urlsplit(attacker.get("/signin/oidc").headers["location"]).query)["state"][0]
    code = parse_qs(urlsplit(issuer.authorize(here.browser().get("/signin/oidc").headers["location"])).query)["code"][0]
    got = attacker.get(f"/signin/oidc/callback?{urlencode({'code': code, 'state': own})}")
    assert got.status == 503
    assert "townwatch" not in attacker.cookies
    for query in ("", "?error=access_denied", "?code=x&state=y", "?state=&code="):
        assert here.browser().get(f"/signin/oidc/callback{query}").status == 403


def test_a_provider_that_changes_its_keys_is_followed(here: Town, issuer: Issuer) -> None:
    issuer.next(WHO, rotate=True)
    assert come(here, issuer).status == 303


def test_a_provider_that_is_away_is_told_in_a_sentence() -> None:
    provider = Provider("http://127.0.0.1:9", CLIENT)
    with pytest.raises(Unreachable, match="没有应答"):
        provider.begin("http://x", "/")


def test_the_mapping_of_roles_is_checked() -> None:
    assert [(one.claim, one.value, one.role) for one in mappings_of(ROLES)] == [
        ("groups", "police-chiefs", Role.CHIEF), ("groups", "office", Role.CLERK), ("admin", "true", Role.ADMINISTRATOR),
    ]  # fmt: skip
    for wrong in ("groups=chief", "groups:x", "groups:x=king", ":x=chief"):
        with pytest.raises(ConfigurationError):
            mappings_of(wrong)
