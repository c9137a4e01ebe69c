"""The form of an event on a bus: CloudEvents 1.0, with the fields that EventBridge adds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

Place = tuple[str, str]  # account and region
CONTENT_TYPE = "application/json; charset=utf-8"
OPTIONAL = ("id", "dataschema", "subject", "time")


def cloud_event(given: Mapping[str, Any], place: Place, bus: str, now: datetime) -> dict[str, Any]:
    """Returns the whole event of what its source says: source, type, data, and more if it likes."""
    account_id, region_id = place
    text = now.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    said = {name: given[name] for name in OPTIONAL if given.get(name)}
    return {
        "id": str(uuid4()).upper(),
        "source": given["source"],
        "specversion": "1.0",
        "type": given["type"],
        "datacontenttype": given.get("datacontenttype") or CONTENT_TYPE,
        "time": text,
        **said,
        "aliyunaccountid": account_id,
        "aliyunpublishtime": text,
        "aliyunoriginalaccountid": account_id,
        "aliyuneventbusname": bus,
        "aliyunregionid": region_id,
        "aliyunpublishaddr": "127.0.0.1",
        "data": given.get("data") or {},
    }
