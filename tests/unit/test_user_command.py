"""``./townwatch user`` and ``token rotate``: the first administrator is made by the command, and errors are sentences."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from dashboard import cli
from dashboard.access.accounts import AccountStore
from dashboard.access.policy import Role
from dashboard.stores.history import open_engine

PASSWORD = "三月-春风-Ferry-7"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, typed: str = PASSWORD) -> int:
    """A command's exit code; ``typed`` is on its standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO(typed + "\n"))
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    return int(ended.value.code or 0)


def test_accounts_are_made_changed_and_ended_by_the_command(
    data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = ("--data", str(data_dir))
    # Nobody may listen to others before the first account.
    assert run(monkeypatch, "up", "--host", "0.0.0.0", *data) == 1
    assert "./townwatch user create" in capsys.readouterr().err
    assert run(monkeypatch, "user", "create", "秦月", "--role", "administrator", "--password-stdin", *data) == 0
    chief = ("user", "create", "沈立", "--role", "chief", "--towns", "姚庄镇,330421103", "--staff", "J-021", "--link")
    capsys.readouterr()
    assert run(monkeypatch, *chief, *data) == 0
    link = capsys.readouterr().out.splitlines()[-1]
    assert "/signin/link/" in link
    store = AccountStore(open_engine(f"sqlite:///{data_dir / 'townwatch.db'}"))
    found = store.get("沈立")
    assert (found.roles, found.towns, found.staff, found.password) == (
        frozenset({Role.CHIEF}), frozenset({"330421111", "330421103"}), "J-021", False,
    )  # fmt: skip
    assert store.linked(found.created_at, link.rsplit("/", 1)[1]) == "沈立"
    assert store.check("秦月", PASSWORD) is not None
    assert store.check("秦月", PASSWORD + "x") is None
    assert run(monkeypatch, "user", "reset", "沈立", "--password-stdin", *data, typed="另一个-Fine-9-密码") == 0
    assert store.check("沈立", "另一个-Fine-9-密码") is not None
    assert run(monkeypatch, "user", "change", "沈立", "--towns", "all", "--role", "leader", *data) == 0
    assert store.get("沈立").towns is None
    assert store.get("沈立").roles == {Role.LEADER}
    assert run(monkeypatch, "user", "disable", "沈立", *data) == 0
    assert store.check("沈立", "另一个-Fine-9-密码") is None
    capsys.readouterr()
    assert run(monkeypatch, "user", "list", *data) == 0
    listed = capsys.readouterr().out
    assert "已停用" in listed
    assert "argon2" not in listed
    assert run(monkeypatch, "user", "enable", "沈立", *data) == 0
    assert store.check("沈立", "另一个-Fine-9-密码") is not None
    refused = {
        ("create", "秦月", "--role", "clerk", "--password-stdin"): "已有名为",
        ("create", "x", "--role", "king", "--password-stdin"): "没有角色",
        ("create", "x", "--role", "clerk", "--towns", "月球", "--link"): "没有叫“月球”",
        ("create", "x", "--role", "clerk"): "--password-stdin",
        ("create", "x", "--role", "clerk", "--link", "--password-stdin"): "只能给一个",
        ("create", "x", "--role", "clerk", "--subject", "u"): "oidc_issuer",
        ("disable", "nobody"): "没有名为",
        ("disable", "秦月"): "最后一个管理员",
        ("change", "秦月", "--role", "clerk"): "最后一个管理员",
    }
    for words, sentence in refused.items():
        assert run(monkeypatch, "user", *words, *data) == 1, words
        assert sentence in capsys.readouterr().err, words
    assert run(monkeypatch, "user", "create", "y", "--role", "clerk", "--password-stdin", *data, typed="short") == 1
    assert [one.name for one in store.all()] == ["沈立", "秦月"]
    store.engine.dispose()


def test_a_token_is_rotated_by_the_command(
    data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = ("--data", str(data_dir))
    assert run(monkeypatch, "token", "create", "--source", "gate", "--days", "30", *data) == 0
    old = capsys.readouterr().out.splitlines()[-1]
    assert run(monkeypatch, "token", "list", *data) == 0
    label = capsys.readouterr().out.split()[0]
    assert run(monkeypatch, "token", "rotate", label, "--overlap", "24h", *data) == 0
    new = capsys.readouterr().out.splitlines()[-1]
    assert new != old
    assert new.startswith("tww_")
    assert run(monkeypatch, "token", "list", *data) == 0
    listed = capsys.readouterr().out
    assert f"follows {label}" in listed
    assert listed.count("until") == 1
    for overlap in ("", "24", "24x", "-1h"):
        assert run(monkeypatch, "token", "rotate", label, f"--overlap={overlap}", *data) == 1
        assert "--overlap" in capsys.readouterr().err
