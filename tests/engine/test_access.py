"""Sign-in, sessions, CSRF, cookies, headers, walls and tokens, over real HTTP on the product as it is wired."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import websockets

from dashboard.access.accounts import hashed, named
from dashboard.access.secret import digest_of
from dashboard.access.sessions import csrf_of
from dashboard.access.throttle import ACCOUNT, ADDRESS, Limit
from dashboard.access.viewer import Role
from dashboard.clock import machine_ms
from dashboard.errors import ConfigurationError
from dashboard.stores import redis_server as embedded
from tests.engine.core import DAYUN, YAOZHUANG, reading
from tests.engine.people import PASSWORD, Browser, Town, town


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The product of this module."""
    server = embedded.start(tmp_path_factory.mktemp("redis"))
    with town(tmp_path_factory.mktemp("data"), server.url) as made:
        yield made
    server.stop()


@pytest.fixture(autouse=True)
def _no_failures_counted(here: Town) -> None:
    with here.core.history.engine.connect().execution_options(writing=True) as connection, connection.begin():
        connection.exec_driver_sql("DELETE FROM throttle")


# --- in and out -----------------------------------------------------------------------------------------------------


def test_who_is_not_signed_in_is_sent_to_sign_in_and_comes_back(here: Town) -> None:
    browser = here.browser()
    sent = browser.get(f"/town/{YAOZHUANG}?day=2020-02-17")
    assert sent.status == 303
    assert sent.headers["location"] == f"/signin?next=%2Ftown%2F{YAOZHUANG}%3Fday%3D2020-02-17"
    done = browser.sign_in("沈立", target=f"/town/{YAOZHUANG}?day=2020-02-17")
    assert (done.status, done.headers["location"]) == (303, f"/town/{YAOZHUANG}?day=2020-02-17")
    assert browser.get(done.headers["location"]).status == 200
    # Signed in, the page of sign-in leads on.
    assert browser.get("/signin?next=/patrols").headers["location"] == "/patrols"
    me = browser.get("/api/v1/me").json
    assert (me["name"], [one["role"] for one in me["roles"]]) == ("沈立", ["chief"])
    assert [one["code"] for one in me["towns"]] == [YAOZHUANG]
    assert browser.send("/signout").status == 200
    assert "townwatch" not in browser.cookies
    assert browser.get("/").status == 303
    kinds = [(who, kind, outcome) for who, kind, _, outcome in here.audit() if who == "沈立"]
    assert ("沈立", "sign_in", "done") in kinds
    assert ("沈立", "sign_out", "done") in kinds


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/signout",
        "/api/v1/me",
        "x",
    ],
)
def test_the_way_on_is_a_page_of_ours_only(here: Town, target: str) -> None:
    assert here.browser().sign_in("沈立", target=target).headers["location"] == "/"


def test_cookies_are_not_for_scripts_nor_other_sites(here: Town) -> None:
    browser = here.browser("沈立")
    for name in ("townwatch", "_csrf_token"):
        flags = browser.flags[name].lower()
        assert "samesite=lax" in flags
        assert "path=/" in flags
        assert "domain" not in flags
        assert ("httponly" in flags) == (name == "townwatch")
        assert "secure" not in flags
    # By https they are the host's own, and the browser stays with https.
    behind = Browser(here.port)
    done = behind.sign_in("沈立", X_Forwarded_Proto="https", Origin=f"https://127.0.0.1:{here.port}")
    assert done.status == 303
    flags = behind.flags["__Host-townwatch"].lower()
    assert "secure" in flags
    assert "httponly" in flags
    assert "samesite=lax" in flags
    assert done.headers["strict-transport-security"] == "max-age=31536000"
    # A plain cookie counts for nothing there: somebody on the line could have planted it.
    planted = Browser(here.port, {"townwatch": browser.cookies["townwatch"]})
    assert planted.get("/api/v1/me", X_Forwarded_Proto="https").status == 401
    assert planted.get("/api/v1/me").status == 200


def test_a_session_is_new_at_each_sign_in_and_only_its_digest_is_kept(here: Town) -> None:
    browser = here.browser("沈立")
    first = browser.cookies["townwatch"]
    with here.core.history.engine.connect() as connection:
        rows = [tuple(row) for row in connection.exec_driver_sql("SELECT * FROM session")]
    assert digest_of(first) in [row[0] for row in rows]
    assert first not in str(rows)
    # Fixation: whatever the browser came with is ended, and was never what it gets.
    browser.cookies.pop("_csrf_token")
    fixed = Browser(here.port, dict(browser.cookies))
    fixed.cookies["townwatch"] = "attacker-" + "x" * 40
    assert fixed.sign_in("陆敏").status == 303
    assert not fixed.cookies["townwatch"].startswith("attacker")
    again = Browser(here.port)
    again.cookies["townwatch-form"] = "f" * 30
    again.cookies["townwatch"] = first
    again.form("/signin", {"name": "陆敏", "password": PASSWORD, "form": "f" * 30}, X_CSRFToken="")
    assert Browser(here.port, {"townwatch": first}).get("/api/v1/me").status == 401


def test_wrong_names_and_wrong_passwords_look_alike(here: Town) -> None:
    answers = [here.browser().sign_in(name, "nothing-like-it") for name in ("沈立", "nobody-there", "")]
    assert [one.status for one in answers] == [401, 401, 401]
    texts = {one.body.decode().split("<main", 1)[1].split("<form", 1)[0] for one in answers}
    assert len(texts) == 1
    assert "账号或密码不对" in texts.pop()
    # What was typed as a name may be a password.
    assert "nobody-there" not in str(here.audit())


def test_guessing_is_slowed_down_for_the_account_and_for_the_address(here: Town) -> None:
    browser = here.browser()
    form = browser.hidden()
    asked = {"name": "方远", "password": "wrong-and-wrong", "form": form}
    assert [browser.form("/signin", asked).status for _ in range(ACCOUNT.free)] == [401] * ACCOUNT.free
    # Where a machine is so slow that a wait is over before the next attempt comes, the doubled one is not.
    assert 429 in (browser.form("/signin", asked).status for _ in range(5))
    # The right password waits, too, and somebody else does not.
    with here.core.history.engine.connect().execution_options(writing=True) as connection, connection.begin():
        connection.exec_driver_sql("UPDATE throttle SET until = until + 3600000 WHERE key LIKE 'a:%'")
    held = browser.form("/signin", asked | {"password": PASSWORD})
    assert held.status == 429
    assert int(held.headers["retry-after"]) >= 1
    assert here.browser("沈立")
    # When the time is over it is let in, and the count begins anew.
    with here.core.history.engine.connect().execution_options(writing=True) as connection, connection.begin():
        connection.exec_driver_sql("UPDATE throttle SET until = 0")
    assert browser.form("/signin", asked | {"password": PASSWORD}).status == 303


def test_waits_double_and_end_somewhere() -> None:
    waits = [ACCOUNT.wait(number) for number in range(40)]
    assert waits[: ACCOUNT.free] == [0] * ACCOUNT.free
    assert waits[ACCOUNT.free : ACCOUNT.free + 4] == [2_000, 4_000, 8_000, 16_000]
    assert max(waits) == ACCOUNT.most_ms == waits[-1]
    assert ADDRESS.wait(ADDRESS.free - 1) == 0 < Limit(0).wait(0)


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaa", "x" * 300, "my-password-1", "沈立沈立的密码沈立abc"])
def test_easy_passwords_are_refused(password: str) -> None:
    with pytest.raises(ConfigurationError, match="密码"):
        hashed(password, "沈立")


@pytest.mark.parametrize("name", ["", " ", "a,b", "本机", "This machine", "form:x", "<b>", "x" * 41, "a\nb"])
def test_names_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="账号名"):
        named(name)


# --- other people's pages -------------------------------------------------------------------------------------------


def test_what_another_site_sends_is_refused(here: Town) -> None:
    browser = here.browser("秦月")
    target = "/api/v1/account/language"
    assert browser.send(target, {"language": "zh"}).status == 200
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"X_CSRFToken": ""},
        {"X_CSRFToken": "forged"},
    ):
        got = browser.send(target, {"language": "en"}, **headers)
        assert (got.status, "error" in got.json) == (403, True), headers
        # Dash's callbacks and forms are doors like any other.
        assert browser.send("/_dash-update-component", {}, **headers).status == 403
        assert browser.send("/signout", {}, **headers).status == 403
    assert browser.get("/api/v1/me").json["language"] == "zh"
    # A sign-in that another site sends does not sign anybody in as somebody else.
    victim = here.browser()
    form = victim.hidden()
    asked = {"name": "沈立", "password": PASSWORD, "form": form}
    assert victim.form("/signin", asked, Origin="https://evil.example").status == 403
    assert victim.form("/signin", asked | {"form": "guessed"}).status == 403
    victim.cookies.pop("townwatch-form")
    assert victim.form("/signin", asked).status == 403
    assert "townwatch" not in victim.cookies
    assert any(outcome == "refused" and "language" in what for _, _, what, outcome in here.audit())


def test_programs_with_a_token_need_no_page(here: Town) -> None:
    writer = here.tokens.create(here.core.clock.now(), source="gate-3")
    got = Browser(here.port).send(
        "/api/v1/events/temperature", [reading("csrf")], Authorization=f"Bearer {writer}", Origin="", X_CSRFToken="",
        Sec_Fetch_Site="",
    )  # fmt: skip
    assert got.status == 202, got.body
    assert here.browser("柯文").send("/api/v1/events/temperature", [reading("csrf-2")]).status == 401


def test_headers_keep_scripts_and_frames_out(here: Town) -> None:
    for target in ("/signin", "/pair", "/", "/api/v1/me"):
        headers = here.browser("秦月" if target == "/" else "").get(target).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert "'unsafe-inline'" not in policy["script-src"]
        assert "'unsafe-eval'" not in policy["script-src"]
        assert policy["frame-ancestors"] == "'self'"
        assert policy["base-uri"] == "'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
    assert "<script>" not in here.browser().get("/signin").body.decode()


# --- the end of a session -------------------------------------------------------------------------------------------


async def _page(browser: Browser, origin: str = "") -> Any:
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    return await websockets.connect(
        f"ws://127.0.0.1:{browser.port}/live", origin=origin or browser.origin,  # type: ignore[arg-type]
        additional_headers={"Cookie": cookie},
    )  # fmt: skip


async def _until_closed(page: Any) -> int:
    async with asyncio.timeout(20):
        try:
            while True:
                await page.recv()
        except websockets.ConnectionClosed as closed:
            return int(closed.rcvd.code if closed.rcvd else 0)


async def _said(page: Any, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            message: dict[str, Any] = json.loads(await page.recv())
            if message["type"] == kind:
                return message


@pytest.mark.parametrize("how", ["everywhere", "disabled", "changed", "role", "password"])
def test_sessions_end_at_once_and_open_sockets_with_them(here: Town, how: str) -> None:
    name = f"临时{how}"
    account = here.accounts.create(machine_ms(), name, [Role.CHIEF], [YAOZHUANG], password=PASSWORD)
    one, two, admin = here.browser(name), here.browser(name), here.browser("秦月")

    async def story() -> None:
        page = await _page(one)
        assert (await _said(page, "hello"))["viewer"]["name"] == name
        acts = {
            "everywhere": lambda: two.send("/api/v1/account/signout-everywhere"),
            "disabled": lambda: admin.send(f"/api/v1/admin/accounts/{_quoted(name)}/disable"),
            "changed": lambda: admin.send(f"/api/v1/admin/accounts/{_quoted(name)}/change", {"towns": [DAYUN]}),
            "role": lambda: admin.send(f"/api/v1/admin/accounts/{_quoted(name)}/change", {"roles": ["leader"]}),
            "password": lambda: two.send("/api/v1/account/password", {"old": PASSWORD, "new": "另一个-Fine-9-密码"}),
        }
        done = await asyncio.to_thread(acts[how])
        assert done.status == 200, done.body.decode()
        assert await _until_closed(page) == 4401

    asyncio.run(story())
    assert one.get("/api/v1/me").status == 401
    assert (two.get("/api/v1/me").status == 200) == (how == "password")
    if how == "changed":
        # Signed in anew, and from now on somebody of another town.
        assert one.sign_in(name).status == 303
        assert [town["code"] for town in one.get("/api/v1/me").json["towns"]] == [DAYUN]
        assert one.get(f"/town/{YAOZHUANG}").status == 403
    assert account.name == name


def test_a_session_that_was_there_before_is_nobodys_after_sign_in_role_and_password(here: Town) -> None:
    """Session fixation, as a browser lives it: what somebody planted, or has read, opens nothing afterwards."""
    secret = "三月-春风-Ferry-8"
    here.accounts.create(machine_ms(), "周管", [Role.ADMINISTRATOR], None, password=PASSWORD)
    planted = here.sessions.open(machine_ms(), "邻")
    victim = Browser(here.port, {"townwatch": planted, "_csrf_token": csrf_of(planted)})
    assert victim.get("/api/v1/me").json["name"] == "邻"
    # The planted session's page leads on; whoever signs in all the same, through the form, gets one of their own.
    victim.cookies["townwatch-form"] = "f" * 30
    form = {"name": "周管", "password": PASSWORD, "form": "f" * 30}
    assert victim.form("/signin", form).status == 303
    seen = [planted, victim.cookies["townwatch"]]
    assert victim.get("/api/v1/me").json["name"] == "周管"
    changed = victim.send(f"/api/v1/admin/accounts/{_quoted('周管')}/change", {"roles": ["administrator", "chief"]})
    assert changed.status == 200
    seen.append(victim.cookies["townwatch"])
    assert victim.send("/api/v1/account/password", {"old": PASSWORD, "new": secret}).status == 200
    seen.append(victim.cookies["townwatch"])
    assert len(set(seen)) == 4
    assert victim.cookies["_csrf_token"] == csrf_of(seen[-1])
    for old in seen[:-1]:
        thief = Browser(here.port, {"townwatch": old, "_csrf_token": csrf_of(old)})
        assert thief.get("/api/v1/me").status == 401
        assert thief.get("/").status == 303
        assert thief.send("/api/v1/account/language", {"language": "en"}).status == 401
    assert victim.get("/api/v1/me").status == 200
    # An old token of forms is none of the new session's.
    assert victim.send("/api/v1/account/language", {"language": "zh"}, X_CSRFToken=csrf_of(seen[0])).status == 403
    # 秦月 is the last administrator again, as other tests know it.
    here.accounts.disable(machine_ms(), "周管")


def test_a_change_that_changes_no_right_ends_no_session(here: Town) -> None:
    one = here.browser("柯文")
    here.accounts.change(machine_ms(), "柯文", roles=[Role.CLERK], towns=[YAOZHUANG], name_en="Ke Wen")
    here.sessions.forget()
    assert one.get("/api/v1/me").json["name_en"] == "Ke Wen"


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name)


def test_sockets_of_another_site_or_of_nobody_are_refused(here: Town) -> None:
    async def story() -> None:
        browser = here.browser("沈立")
        with pytest.raises(websockets.InvalidStatus):
            await _page(browser, origin="https://evil.example")
        assert await _until_closed(await _page(here.browser())) == 4401

    asyncio.run(story())


def test_sessions_end_by_themselves(here: Town) -> None:
    now, store = machine_ms(), here.sessions
    idle, old = store.open(now, "沈立"), store.open(now - store.longest_ms + 1000, "陆敏")
    assert store.viewer(idle, now + store.idle_ms - 1) is not None
    store.forget()
    # Being used is what keeps it.
    assert store.viewer(idle, now + store.idle_ms - 1) is not None
    assert store.viewer(idle, now + 2 * store.idle_ms) is None
    assert store.viewer(old, now) is None, "it was seen long ago"
    for forged in ("", "x", "x" * 43, idle[:-1], idle + "x", "é" * 40):
        assert store.viewer(forged, now) is None


# --- accounts -------------------------------------------------------------------------------------------------------


def test_an_administrator_makes_an_account_and_its_owner_chooses_the_password(here: Town) -> None:
    admin = here.browser("秦月")
    asked = {"name": "新所长", "roles": ["chief"], "towns": [DAYUN], "staff": "A-17"}
    made = admin.send("/api/v1/admin/accounts", asked)
    assert made.status == 200, made.body.decode()
    assert admin.send("/api/v1/admin/accounts", asked).status == 422
    link = made.json["link"]
    owner = here.browser()
    assert "新所长" in owner.get(link).body.decode()
    form = {"form": owner.hidden(link), "password": "新密码-With-12", "again": "新密码-With-13"}
    assert owner.form(link, form).status == 422
    done = owner.form(link, form | {"again": form["password"]})
    assert (done.status, done.headers["location"]) == (303, "/")
    me = owner.get("/api/v1/me").json
    assert (me["name"], me["staff"]) == ("新所长", "A-17")
    assert "act" in me["may"]
    # Once.
    assert here.browser().get(link).status == 404
    assert here.browser().form(link, form).status == 404
    listed = {one["name"]: one for one in admin.get("/api/v1/admin/access").json["accounts"]}
    assert listed["新所长"]["towns"] == [DAYUN]
    assert listed["新所长"]["password"]
    assert PASSWORD not in str(listed)
    assert "argon2" not in str(listed)


@pytest.mark.parametrize(
    ("target", "given", "status"),
    [
        ("accounts", {"name": "x", "roles": ["king"]}, 422),
        ("accounts", {"name": "x", "roles": ["api"]}, 422),
        ("accounts", {"name": "x", "roles": ["chief"], "towns": ["999"]}, 422),
        ("accounts", {"name": "x", "roles": ["chief"], "towns": []}, 422),
        ("accounts", {"name": "a,b", "roles": ["chief"]}, 422),
        ("accounts", {"roles": ["chief"]}, 422),
        ("accounts/%E7%A7%A6%E6%9C%88/disable", {}, 422),
        ("accounts/%E7%A7%A6%E6%9C%88/change", {"roles": ["chief"]}, 422),
        ("accounts/nobody/disable", {}, 422),
        ("accounts/%E6%B2%88%E7%AB%8B/crown", {}, 404),
        ("tokens", {"source": "a", "read": True}, 422),
        ("tokens/none/rotate", {"hours": 2}, 422),
        ("tokens/none/revoke", {}, 422),
        ("devices", {"code": "AAAAAA"}, 422),
        ("devices/none/revoke", {}, 422),
        ("sessions/none/end", {}, 404),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(here: Town, target: str, given: Any, status: int) -> None:
    got = here.browser("秦月").send(f"/api/v1/admin/{target}", given)
    assert (got.status, list(got.json)) == (status, ["error"])


def test_ones_own_password_needs_the_present_one(here: Town) -> None:
    browser = here.browser("柯文")
    assert browser.send("/api/v1/account/password", {"old": "wrong", "new": "很长的-New-Pass-1"}).status == 403
    assert browser.send("/api/v1/account/password", {"old": PASSWORD, "new": "short"}).status == 422
    keys = [one["key"] for one in browser.get("/api/v1/account/sessions").json["sessions"]]
    assert here.browser("秦月")
    foreign = here.sessions.all(machine_ms(), "秦月")
    assert browser.send(f"/api/v1/account/sessions/{foreign[0].key}/end").status == 404
    assert browser.send(f"/api/v1/account/sessions/{keys[0]}/end").status == 200
    assert browser.get("/api/v1/me").status == 401


def test_the_chosen_language_stays(here: Town) -> None:
    browser = here.browser("方远")
    assert browser.send("/api/v1/account/language", {"language": "en"}).status == 200
    assert '<html lang="en"' in browser.get("/").body.decode()
    other = here.browser("方远")
    assert '<html lang="en"' in other.get("/").body.decode()
    assert '<html lang="zh-CN"' in other.get("/?lang=zh").body.decode()


# --- walls ----------------------------------------------------------------------------------------------------------


def test_a_wall_is_paired_survives_a_power_cut_and_is_revoked(here: Town) -> None:
    screen, admin = here.browser(), here.browser("秦月")
    assert "设为大屏" in screen.get("/pair").body.decode()
    assert screen.form("/pair", {}).headers["location"] == "/pair?lang=zh"
    code = screen.get("/pair").body.decode().split('data-code="')[1][:6]
    assert screen.get("/pair/state").json == {"state": "waiting"}
    assert screen.get("/wall").status == 303, "it waits"
    assert here.browser("沈立").send("/api/v1/admin/devices", {"code": code}).status == 403
    got = admin.send("/api/v1/admin/devices", {"code": f" {code[:3]} {code[3:].lower()} ", "name": "指挥中心东墙"})
    assert got.status == 200, got.body.decode()
    assert admin.send("/api/v1/admin/devices", {"code": code}).status == 422, "once"
    assert screen.get("/pair/state").json == {"state": "approved"}
    flags = screen.flags["townwatch-wall"].lower()
    assert "httponly" in flags
    assert "max-age=34560000" in flags
    # After a power cut: the same cookie, another process of the browser and of the store.
    here.devices.forget()
    screen = Browser(here.port, {"townwatch-wall": screen.cookies["townwatch-wall"]})
    assert screen.get("/wall").status == 200
    assert (screen.get("/").status, screen.get("/").headers["location"]) == (303, "/wall")
    for target in ("/patrols", f"/town/{YAOZHUANG}", "/records", "/admin", "/snapshots", "/import", "/system"):
        assert screen.get(target).status == 403, target
    for target in ("figures", "records", "towns", "export/patrols.csv", "snapshots", "admin/access", "access.csv"):
        assert screen.get(f"/api/v1/{target}").status == 403, target
    assert screen.send("/api/v1/forms/nothing", {}).status == 403

    async def story() -> None:
        page = await _page(screen)
        assert (await _said(page, "hello"))["viewer"]["name"] == "指挥中心东墙"
        for view in ("disputes", "overview", "system", "town"):
            await page.send(json.dumps({"do": "subscribe", "view": view, "scope": "all", "lang": "zh"}))
            assert (await _said(page, "refused"))["reason"] == "scope"
        await page.send(json.dumps({"do": "subscribe", "view": "wall", "scope": "all", "lang": "zh"}))
        assert (await _said(page, "view"))["view"] == "wall"
        label = admin.get("/api/v1/admin/access").json["devices"][0]["label"]
        assert (await asyncio.to_thread(admin.send, f"/api/v1/admin/devices/{label}/revoke")).status == 200
        assert await _until_closed(page) == 4401

    asyncio.run(story())
    assert screen.get("/wall").status == 303


# --- tokens ---------------------------------------------------------------------------------------------------------


def test_tokens_are_rotated_with_an_overlap_and_end(here: Town) -> None:
    admin, core = here.browser("秦月"), here.core
    made = admin.send(
        "/api/v1/admin/tokens", {"source": "phones", "feeds": ["patrol"], "towns": [YAOZHUANG], "days": 30}
    )
    assert made.status == 200, made.body.decode()
    old = made.json["secret"]

    def rows() -> dict[str, Any]:
        return {
            one["label"]: one for one in admin.get("/api/v1/admin/access").json["tokens"] if one["source"] == "phones"
        }

    label = next(iter(rows()))
    assert rows()[label]["expires_at"][:10] == "2020-03-19"
    new = admin.send(f"/api/v1/admin/tokens/{label}/rotate", {"hours": 2}).json["secret"]
    now = core.clock.now()
    for secret in (old, new):
        grant = here.tokens.check(secret, now)
        assert grant is not None
        assert (grant.source, grant.feeds, grant.towns) == ("phones", frozenset({"patrol"}), frozenset({YAOZHUANG}))
    here.tokens._known.clear()
    assert here.tokens.check(old, now + 2 * 3_600_000) is None
    assert here.tokens.check(new, now + 2 * 3_600_000) is not None
    follows = next(one for one in rows().values() if one["follows"])
    assert follows["follows"] == label
    assert follows["expires_at"] is None
    assert admin.send(f"/api/v1/admin/tokens/{follows['label']}/revoke").status == 200
    assert rows()[follows["label"]]["state"] == "revoked"
    assert admin.send(f"/api/v1/admin/tokens/{follows['label']}/rotate").status == 422
    assert old not in str(rows())
    assert new not in str(rows())


def test_metrics_are_for_this_machine_and_for_those_who_may_see_the_system(here: Town) -> None:
    assert here.browser().get("/metrics").status == 200
    outside = {"X_Forwarded_For": "203.0.113.7"}
    assert here.browser().get("/metrics", **outside).status == 401
    reader = here.tokens.create(here.core.clock.now(), source=None, read=True)
    assert Browser(here.port).get("/metrics", Authorization=f"Bearer {reader}", **outside).status == 200
    assert here.browser("柯文").get("/metrics", **outside).status == 403
    assert urlsplit(here.browser().origin).hostname == "127.0.0.1"
