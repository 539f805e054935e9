"""Settings: precedence, sentences about mistakes, and that each one is documented."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.errors import ConfigurationError
from dashboard.settings import PREFIX, Settings, reference_markdown

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def test_every_setting_has_a_help_sentence_and_stands_in_the_reference() -> None:
    page = reference_markdown()
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
        assert f"| `{name}` | `{PREFIX}{name.upper()}` |" in page


@pytest.mark.skipif(not REFERENCE.is_file(), reason="the reference has not been generated: ./townwatch reference")
def test_the_committed_reference_is_up_to_date() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == reference_markdown()


def test_option_beats_environment_beats_file_beats_default(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data_dir / "townwatch.toml").write_text('port = 1111\nregion = "330110"\nbatch_events = 7\n', encoding="utf-8")
    monkeypatch.setenv("TOWNWATCH_PORT", "2222")
    monkeypatch.setenv("TOWNWATCH_REGION", "370211")
    settings = Settings.load(data_dir, port=3333, host=None)
    assert (settings.port, settings.region, settings.batch_events) == (3333, "370211", 7)
    assert settings.host == "127.0.0.1"


def test_a_file_in_the_working_directory_names_the_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "townwatch.toml").write_text('data_dir = "here"\npartitions = 3\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    settings = Settings.load()
    assert settings.data_dir == tmp_path / "here"
    assert settings.partitions == 3


def test_without_a_database_url_the_data_directory_holds_sqlite(data_dir: Path) -> None:
    assert Settings.load(data_dir).database_url == f"sqlite:///{data_dir}/townwatch.db"


def test_children_get_exactly_these_settings(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.load(data_dir, port=9, accept_loss=True, redis_url="unix:///tmp/a b.sock", heartbeat_s=2.5)
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings.load() == settings


@pytest.mark.parametrize(
    ("name", "value", "chinese", "allowed"),
    [
        ("port", "http", "应为 0 到 65535 的整数", "a whole number from 0 to 65535"),
        ("port", "70000", "应为 0 到 65535 的整数", "a whole number from 0 to 65535"),
        ("batch_wait_ms", "-1", "应为 0 到 10000 的整数", "a whole number from 0 to 10000"),
        ("stream_limit", "9", "应为不小于 1000 的整数", "a whole number of 1000 or more"),
        ("host", "example", "应为 IP 地址或 localhost", "an IP address or localhost"),
        (
            "redis_url",
            "http://x",
            "应为空，或以 redis://、rediss://、unix://、redis+cluster://、rediss+cluster:// 开头的地址",
            "redis://, rediss://, unix://, redis+cluster:// or rediss+cluster://",
        ),
        ("database_url", "x", "应为空，或以 sqlite://、postgresql:// 开头的地址", "sqlite:// or postgresql://"),
        ("heartbeat_s", "0", "应为大于 0、不超过 10 的数", "a number above 0, at most 10"),
        ("accept_loss", "perhaps", "应为 true 或 false", "true or false"),
        ("languages", "fr", "应为 zh、en 之一", "zh or en"),
    ],
)
def test_a_bad_value_is_one_sentence_in_both_languages(
    name: str, value: str, chinese: str, allowed: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PREFIX + name.upper(), value)
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(data_dir)
    sentence = caught.value.sentence
    first, second = sentence.split(" · ")
    assert first == f"设置 {name}（来自 {PREFIX}{name.upper()}）是 {value!r}，{chinese}"
    assert f"Setting {name} (in {PREFIX}{name.upper()}): got {value!r}, allowed is " in second
    assert allowed in second
    assert "\n" not in sentence


@pytest.mark.parametrize("password", ["geheim", "ge@heim", "ge/heim", "//ge@/heim"])
def test_the_password_of_an_address_is_not_told(password: str, data_dir: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(data_dir, database_url=f"mysql://town:{password}@db/townwatch")
    assert "heim" not in caught.value.sentence
    assert "mysql://…@db/townwatch" in caught.value.sentence


def test_a_bad_value_in_a_file_or_an_option_is_said_to_be_there(data_dir: Path) -> None:
    file = data_dir / "townwatch.toml"
    with pytest.raises(
        ConfigurationError, match=r"设置 port（启动时给出）是 70000，.*Setting port \(as given\): got 70000"
    ):
        Settings.load(data_dir, port=70000)
    file.write_text("port = 70000\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(data_dir)
    assert f"设置 port（写在 {file}）是 70000，" in caught.value.sentence
    assert f"Setting port (in {file}): got 70000" in caught.value.sentence


def test_an_unknown_setting_is_named_with_the_known_ones(data_dir: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"没有名为 'prot' 的设置，.* port,.*There is no setting 'prot'; .* port,"
    ):
        Settings.load(data_dir, prot=1)


def test_an_unknown_key_in_the_file_is_named_with_the_known_ones(data_dir: Path) -> None:
    (data_dir / "townwatch.toml").write_text("prot = 1\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"townwatch\.toml sets 'prot', which is no setting.* port,") as caught:
        Settings.load(data_dir)
    assert (
        f"{data_dir / 'townwatch.toml'} 里的 'prot' 不是设置，可用的设置有 data_dir, host, port,"
        in caught.value.sentence
    )


def test_a_file_that_is_not_toml_is_one_sentence(data_dir: Path) -> None:
    (data_dir / "townwatch.toml").write_text("port: 1\n", encoding="utf-8")
    with pytest.raises(
        ConfigurationError, match=r"townwatch\.toml 读不出来（.*），写法见 .* · .*townwatch\.toml cannot be read: "
    ):
        Settings.load(data_dir)


def test_a_password_in_an_address_is_not_repeated(data_dir: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(data_dir, redis_url="http://user:secret@example/0")
    assert "secret" not in caught.value.sentence


@pytest.mark.parametrize(
    ("host", "loopback"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_loopback_is_this_machine_only(host: str, loopback: bool, data_dir: Path) -> None:
    assert Settings.load(data_dir, host=host).loopback is loopback


def test_addresses_are_what_a_browser_here_can_open(data_dir: Path) -> None:
    assert Settings.load(data_dir, host="::1", port=80).address("/wall") == "http://[::1]:80/wall"
    assert Settings.load(data_dir, host="0.0.0.0", port=80).address() == "http://127.0.0.1:80/"
