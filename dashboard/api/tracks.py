"""GPX tracks through ``POST /api/v1/import/{feed}``: the same door as tables, with points where they have rows."""

from __future__ import annotations

from fastapi.responses import Response

from dashboard.actions import Actions
from dashboard.api.common import answer
from dashboard.feeds import feed_named
from ingest.decode import Door
from ingest.gateways import gpx
from ingest.gateways.sheets.desk import Clerk, Upload


def take_track(actions: Actions, clerk: Clerk, feed: str, upload: Upload, dry_run: bool) -> Response:
    """Import a track for somebody who may write to the feed; ``dry_run`` only checks it.

    Raises:
        ConfigurationError: the file cannot be imported, or nobody says whose it is; nothing was taken.
        Backpressure, StoreUnavailable: importing the file again is harmless.
    """
    declared = feed_named(feed)
    track = gpx.parse_gpx(upload.data, declared)
    region = actions.region()
    door = Door(clerk.source, region, clerk.towns, clerk.zone or region.pack.timezone)
    whose = gpx.unit_named(upload.unit, upload.name, region.pack)
    intake = None if dry_run else actions.intake
    return report(gpx.import_track(track, upload.name, whose, declared, intake, door, actions.clock.now), dry_run)


def report(done: gpx.TrackReport, dry_run: bool) -> Response:
    """A track's report as JSON, with the names and the status that a table's has; ``row`` is the point's number."""
    body = {
        "dry_run": dry_run,
        "file": done.file,
        "kind": "gpx",
        "unit": done.unit,
        "rows": done.points,
        "accepted": done.accepted,
        "rejected": [
            {
                "row": one.point,
                "column": "",
                "field": one.field,
                "id": None,
                "got": one.got,
                "allowed": one.allowed,
                "message": one.message,
            }
            for one in done.rejected
        ],
        "ignored": [],
        "dropped": [],
        "left_out": done.others,
    }
    if dry_run or done.accepted:
        return answer(body, 200 if dry_run else 202)
    forbidden = bool(done.rejected) and all(one.code == "forbidden_town" for one in done.rejected)
    return answer(body, 403 if forbidden else 422)
