"""Every setting in one table: name, default, what is allowed and what it does. Nothing else reads the environment, but
for :data:`VARIABLES`.

A value comes from, first found: a command's option, ``TOWNWATCH_<NAME>``, ``townwatch.toml`` (in the data directory,
else in the working directory), the default here.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from dashboard.errors import ConfigurationError

PREFIX = "TOWNWATCH_"
FILE = "townwatch.toml"
VARIABLES = {
    "TOWNWATCH_VENV": "Where `./townwatch` makes and looks for its Python environment. Unset: `.venv` beside it.",
    "TOWNWATCH_CHROMIUM": "The Chromium that `test` and `bench` drive. Unset: one on the path.",
    "TOWNWATCH_FEEDS": "Folders with feeds of one's own, separated as in `PATH`; the same for every command and part."
    " Unset: none.",
}
"""Variables that are no settings: asked before settings can be read, or by tests and benchmarks alone."""


class Settings(BaseSettings):
    """The settings of one run. Times are in the unit that the name ends with, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    data_dir: Path = Field(
        Path("data"),
        description="Directory of all that is kept: database, Redis files, logs. Made when missing.",
    )
    host: str = Field(
        "127.0.0.1",
        description="Address that pages and gateways listen on. Any but a loopback address needs accounts first.",
    )
    port: int = Field(8050, ge=0, le=65535, description="Port of pages and gateways; 0 takes any free one.")
    redis_url: str = Field(
        "",
        pattern=r"^$|^(redis|rediss|unix|redis\+cluster|rediss\+cluster)://",
        description="Redis or Valkey 6.2 or newer, e.g. `redis://localhost:6379/0`, or a cluster, "
        "`redis+cluster://host:6379,host:6379`. Empty: one of our own is started.",
    )
    database_url: str = Field(
        "",
        pattern=r"^$|^(sqlite|postgresql)(\+[a-z0-9]+)?://",
        description="SQLAlchemy URL of the database (SQLite or PostgreSQL 14+). Empty: `townwatch.db` in `data_dir`.",
    )
    region: str = Field("330421", min_length=1, description="Region pack in force: its code, or a path to a pack.")
    partitions: int = Field(
        8, ge=1, le=1024, description="Streams on the road. Fixed for the life of a data directory."
    )
    batch_events: int = Field(40_000, ge=1, le=100_000, description="Events at which a worker ends a transaction.")
    batch_wait_ms: int = Field(50, ge=0, le=10_000, description="Longest a worker waits to fill a batch.")
    stream_limit: int = Field(
        2_000_000,
        ge=1000,
        description="Events waiting on the road from which gateways answer 429 and ask senders to come back later.",
    )
    disk_reserve_mb: int = Field(
        64, ge=0, le=1_000_000, description="Free space (MB) of `data_dir`'s disk below which gateways answer 507."
    )
    max_body_bytes: int = Field(
        16 * 1024 * 1024, ge=1024, description="Largest request body a gateway reads; more is answered 413."
    )
    watch_folder: str = Field(
        "",
        description="Folder watched for files; see docs/how-to/watched-folder.md. Empty: none is watched.",
    )
    watch_settle_s: float = Field(
        5.0, gt=0, le=3600, description="How long a file of `watch_folder` must not have changed before it is taken."
    )
    heartbeat_s: float = Field(
        5.0, gt=0, le=10, description="Time between heartbeats to open pages, which call 15 s of silence a dead line."
    )
    accept_loss: bool = Field(
        False, description="Start although Redis may lose accepted records at a power cut. For trials only."
    )
    snapshot_at: str = Field(
        "18:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="Local time at which the day's snapshot is taken."
    )
    snapshot_office: str = Field("", max_length=60, description="Issuing office in the snapshot's masthead.")
    snapshot_signer: str = Field("", max_length=40, description="签发人 of the snapshot; empty: none is named.")
    snapshot_document: str = Field(
        "",
        max_length=60,
        pattern=r"^([^{}]|\{year\}|\{number\})*$",
        description="Document number 文号 of the snapshot, such as `善防指办〔{year}〕{number}号`; empty: none.",
    )
    snapshot_release: Literal["auto", "hand"] = Field(
        "auto", description="`hand`: what is made at `snapshot_at` waits as a draft until somebody releases it."
    )
    snapshot_editions: Literal["region", "towns"] = Field(
        "region", description="`towns`: besides the region's, each town's edition is made."
    )
    snapshot_weekly: bool = Field(False, description="On Sundays a week's snapshot is made too.")
    snapshot_auto: bool = Field(False, description="Publish the day's snapshot by itself at `snapshot_at`.")
    languages: Literal["zh", "en"] = Field("zh", description="Language of a page whose address does not say `lang=`.")
    public_url: str = Field(
        "",
        pattern=r"^$|^https?://[^/\s]+$",
        description="Address under which people reach the pages, e.g. `https://townwatch.example`; needed for OpenID"
        " Connect, and for secure cookies where a proxy ends https without saying so.",
    )
    session_idle_hours: float = Field(
        12.0, gt=0, le=720, description="How long nobody may use a sign-in before it ends by itself."
    )
    session_days: float = Field(14.0, gt=0, le=90, description="How long a sign-in lasts at most.")
    oidc_issuer: str = Field(
        "",
        pattern=r"^$|^https?://",
        description="Issuer of OpenID Connect sign-in; see docs/how-to/accounts.md. Empty: accounts here only.",
    )
    oidc_client: str = Field("", max_length=200, description="Our client id at the issuer.")
    oidc_secret: str = Field("", max_length=400, description="Our client secret at the issuer; empty: a public client.")
    oidc_name: str = Field("", max_length=40, description="What the sign-in button calls the issuer.")
    oidc_scopes: str = Field("openid profile", max_length=200, description="Scopes asked for.")
    oidc_roles: str = Field(
        "",
        max_length=4000,
        description="Which claim makes which role, e.g. `groups:police-chiefs=chief; groups:clerks=clerk`."
        " Empty: only accounts made here and tied by `user create --subject` may come.",
    )
    oidc_towns: str = Field(
        "",
        max_length=200,
        description="Claim that names the towns (codes, aliases or `all`). Empty: every town.",
    )
    oidc_staff: str = Field("", max_length=100, description="Claim that is the staff id. Empty: none.")
    contact_days: int = Field(
        30, ge=0, le=3650, description="Days for which a contact in the vault is kept after its case has ended."
    )
    alert_days: int = Field(
        400,
        ge=30,
        le=3650,
        description="Days for which an alert that is over is kept, with its steps and what was told outside of it.",
    )
    channels_file: str = Field(
        "",
        description="File of the channels by which alerts are told; see docs/how-to/alerts.md."
        " Empty: `channels.json` in `data_dir`.",
    )
    metrics_port: int = Field(
        0, ge=0, le=65535, description="Port on which a worker tells its own metrics (`up --role worker`); 0: none."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe lines to log.")
    log_json: bool = Field(True, description="Log lines as JSON; otherwise as text for people.")

    @field_validator("host")
    @classmethod
    def _is_an_address(cls, host: str) -> str:
        if host != "localhost":
            ipaddress.ip_address(host)
        return host

    @field_validator("data_dir")
    @classmethod
    def _is_absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @field_validator("watch_folder", "channels_file")
    @classmethod
    def _is_absolute_or_empty(cls, folder: str) -> str:
        return str(Path(folder).expanduser().absolute()) if folder else ""

    @model_validator(mode="after")
    def _database_in_the_data_directory(self) -> Self:
        if not self.database_url:
            # Four slashes: an absolute path. The model is frozen for everybody else.
            object.__setattr__(self, "database_url", f"sqlite:///{self.data_dir / 'townwatch.db'}")
        return self

    @classmethod
    def load(cls, data_dir: Path | str | None = None, **overrides: Any) -> Settings:
        """The settings in force. An override of ``None`` counts as not given.

        Raises:
            ConfigurationError: names the setting, where it was set, what was got and what is allowed.
        """
        given = {name: value for name, value in overrides.items() if value is not None}
        if data_dir is not None:
            given["data_dir"] = data_dir
        for name in given:
            if name not in cls.model_fields:
                raise ConfigurationError(
                    f"没有名为 {name!r} 的设置，可用的设置有 {_names()}"
                    f" · There is no setting {name!r}; the settings are {_names()}."
                )
        here = Path(FILE)
        folder = given.get("data_dir") or os.environ.get(PREFIX + "DATA_DIR") or _read(here).get("data_dir", "data")
        inside = Path(folder).expanduser() / FILE
        path = inside if inside.is_file() else here
        file = {name: value for name, value in _read(path).items() if PREFIX + name.upper() not in os.environ}
        if path == inside:
            # A file inside a data directory speaks of that directory, whatever it says.
            file.pop("data_dir", None)
        try:
            return cls(**{**file, **given, "data_dir": folder})
        except ValidationError as error:
            raise ConfigurationError(_sentence(error.errors()[0], given, path, file)) from None

    def with_values(self, **values: Any) -> Settings:
        """The same settings but for ``values``, checked."""
        return Settings.load(**{**self.model_dump(), **values})

    def environment(self) -> dict[str, str]:
        """The settings as environment variables, so that a child process has exactly these."""
        return {PREFIX + name.upper(): str(value) for name, value in self.model_dump().items()}

    @property
    def loopback(self) -> bool:
        """Whether pages are offered to this machine only."""
        return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback

    @property
    def https(self) -> bool:
        """Whether people come by https for certain."""
        return self.public_url.startswith("https://")

    @property
    def logs(self) -> Path:
        """The directory of log files."""
        return self.data_dir / "logs"

    def address(self, path: str = "/") -> str:
        """The address under which a browser on this machine reaches ``path``."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - a comparison only
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}{path}"


def _names() -> str:
    return ", ".join(Settings.model_fields)


def _read(path: Path) -> dict[str, Any]:
    """A settings file's values; nothing when there is no such file."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(
            f"{path} 读不出来（{error}），写法见 docs/reference/settings.md"
            f" · {path} cannot be read: {error}; see docs/reference/settings.md."
        ) from None
    for name in values:
        if name not in Settings.model_fields:
            raise ConfigurationError(
                f"{path} 里的 {name!r} 不是设置，可用的设置有 {_names()}"
                f" · {path} sets {name!r}, which is no setting; the settings are {_names()}."
            )
    return values


def _sentence(problem: ErrorDetails, given: dict[str, Any], path: Path, file: dict[str, Any]) -> str:
    name = str(problem["loc"][0]) if problem["loc"] else "settings"
    if name in given:
        source, where = "启动时给出", "as given"
    elif name in file:
        source, where = f"写在 {path}", f"in {path}"
    else:
        source, where = f"来自 {PREFIX}{name.upper()}", f"in {PREFIX}{name.upper()}"
    got = "…" if name.endswith("_secret") else re.sub(r"//.*@", "//…@", repr(problem["input"]))
    chinese, english = _allowed(name)
    space = " " if chinese[0].isascii() else ""
    return (
        f"设置 {name}（{source}）是 {got}，应为{space}{chinese}"
        f" · Setting {name} ({where}): got {got}, allowed is {english}."
    )


def allowed(name: str) -> str:
    """What a setting may be, in words."""
    return _allowed(name)[1]


def _allowed(name: str) -> tuple[str, str]:
    """What a setting may be, in Chinese and in English."""
    if name == "host":
        return "IP 地址或 localhost", "an IP address or localhost"
    if name == "watch_folder":
        return "空，或一个文件夹的路径", "empty or the path of a folder"
    if name == "channels_file":
        return "空，或一个文件的路径", "empty or the path of a file"
    field = Settings.model_fields[name]
    schema = Settings.model_json_schema()["properties"][name]
    if "enum" in schema:
        return "、".join(schema["enum"]) + " 之一", " or ".join(schema["enum"])
    if name == "redis_url":
        return (
            "空，或以 redis://、rediss://、unix://、redis+cluster://、rediss+cluster:// 开头的地址",
            "empty or a URL that starts with redis://, rediss://, unix://, redis+cluster:// or rediss+cluster://",
        )
    if name == "database_url":
        return (
            "空，或以 sqlite://、postgresql:// 开头的地址",
            "empty or a URL that starts with sqlite:// or postgresql://",
        )
    if name in ("public_url", "oidc_issuer"):
        return "空，或以 http://、https:// 开头的地址", "empty or a URL that starts with http:// or https://"
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    kinds: dict[Any, tuple[str, str]] = {
        int: ("整数", "a whole number"),
        float: ("数", "a number"),
        bool: ("true 或 false", "true or false"),
        Path: ("路径", "a path"),
    }
    chinese, english = kinds.get(field.annotation, ("文字，不能为空", "a text"))
    if low is not None and high is not None:
        if "minimum" in schema:
            return f"{low} 到 {high} 的{chinese}", f"{english} from {low} to {high}"
        return f"大于 {low}、不超过 {high} 的{chinese}", f"{english} above {low}, at most {high}"
    if low is not None:
        return f"不小于 {low} 的{chinese}", f"{english} of {low} or more"
    return chinese, english


def reference_markdown() -> str:
    """The text of ``docs/reference/settings.md``."""
    lines = [
        "# Settings",
        "",
        "Generated by `./townwatch reference`; do not edit.",
        "",
        "A value comes from, first found: a command's option, the environment variable,",
        f"`{FILE}` (in the data directory, else in the working directory), the default.",
        "",
        "| setting | environment variable | default | allowed | what it does |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = f"`{str(default).lower() if isinstance(default, bool) else default}`" if default != "" else "(empty)"
        lines.append(f"| `{name}` | `{PREFIX}{name.upper()}` | {shown} | {allowed(name)} | {field.description} |")
    lines += ["", "## Further variables", "", "No settings, and in no file: they stand in the environment alone.", ""]
    lines += ["| environment variable | what it does |", "| --- | --- |"]
    lines += [f"| `{name}` | {words} |" for name, words in VARIABLES.items()]
    return "\n".join(lines) + "\n"
