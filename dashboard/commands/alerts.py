"""``./townwatch alerts``: what is open, what was told outside, and a test of a channel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.commands.common import Data, now, ready
from dashboard.errors import ConfigurationError

if TYPE_CHECKING:
    from dashboard.alerts.channels import Channels
    from dashboard.alerts.deliver import Deliveries
    from dashboard.settings import Settings

alerts = typer.Typer(help="告警：未结的、通道、投递 · alerts, channels and deliveries.", no_args_is_help=True)


@alerts.command("list")
def list_(data: Data = None) -> None:
    """未结的告警，最急的在前 · alerts that are not over, the most urgent first."""
    from dashboard.queries.alerting import words
    from dashboard.queries.alerting.book import AlertBook
    from dashboard.queries.alerting.groups import urgency
    from dashboard.stores.history import History, open_engine

    settings = ready(data)
    found = AlertBook(History(open_engine(settings.database_url))).current()
    for one in sorted((one for one in found if one.active), key=urgency):
        severity, state = words.SEVERITIES[one.severity].zh, words.STATES[one.state].zh
        typer.echo(
            f"{one.id}  {severity}  {one.town}  {words.rule_words(one.rule).zh}  {one.place or one.case}  {state}"
        )


@alerts.command()
def channels(data: Data = None) -> None:
    """配置的通道，不显示密钥 · the channels there are, without their secrets."""
    from dashboard.alerts.channels import shown

    for one in shown(_deliveries(data)[1].all()):
        typer.echo(f"{one['name']}  {one['kind']}  {one['to']}")


@alerts.command()
def test(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="通道名 · name of the channel.")], data: Data = None
) -> None:
    """发一条测试消息，当场告知结果 · send a test message and say what became of it."""
    from sqlalchemy import select

    from dashboard.alerts.deliver import Delivery
    from dashboard.stores import tables as t

    settings, found, deliveries = _deliveries(data)
    if found.named(channel) is None:
        names = "、".join(one.name for one in found.all()) or "（没有）"
        raise ConfigurationError(
            f"没有通道“{channel}”，{found.path} 里有：{names} · There is no channel “{channel}” in {found.path}."
        )
    with deliveries.history.writing() as connection:
        name = deliveries.queue(connection, channel, "test", "test", "all", {"kind": "test"}, now(settings))
        # The worker's own sender must not take it as well.
        d = t.delivery
        connection.execute(d.update().where(d.c.id == name).values(state="trying"))
        row = connection.execute(select(d).where(d.c.id == name)).one()
    outcome = deliveries.attempt(Delivery(row.id, row.channel, row.kind, row.body, 0), last=True)
    if not outcome.ok:
        raise ConfigurationError(f"没有送达：{outcome.told} · It has not arrived: {outcome.told}")
    typer.echo(f"已送达（{outcome.told}，{outcome.took_ms} ms）· arrived")


@alerts.command("deliveries")
def deliveries_(data: Data = None) -> None:
    """最近的投递和结果 · the latest deliveries and their fate."""
    from sqlalchemy import select

    from dashboard.stores import tables as t

    _, _, deliveries = _deliveries(data)
    with deliveries.history.reading() as connection:
        for row in connection.execute(select(t.delivery).order_by(t.delivery.c.made_at.desc()).limit(50)):
            typer.echo(f"{row.id}  {row.channel}  {row.kind}  {row.about}  {row.state}  {row.tries}")


def _deliveries(data: Path | None) -> tuple[Settings, Channels, Deliveries]:
    from dashboard.alerts.channels import Channels, file_of, read
    from dashboard.alerts.deliver import Deliveries
    from dashboard.stores.history import History, open_engine

    settings = ready(data)
    file = file_of(settings)
    if file.exists():
        read(file)
    found = Channels(file)
    return settings, found, Deliveries(History(open_engine(settings.database_url)), found)


__all__ = ["alerts"]
