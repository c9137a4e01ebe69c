"""The events of scaling activities on EventBridge's default bus.

Their types are published (help page "Auto Scaling events" of EventBridge); the layout of `data` is
not, and here that of a notification.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from localcloud.ess import messages
from localcloud.ess.model import Activity, ScalingGroup

ENDS = {"START": "Start", "SUCCESS": "Success", "WARN": "PartialSuccess", "ERROR": "Error"}


def bus_event(
    kind: str, place: messages.Place, group: ScalingGroup, activity: Activity, now: datetime
) -> dict[str, Any] | None:
    """Returns the CloudEvent of a notification such as SCALE_IN_SUCCESS; None: there is none."""
    _, _, rest = kind.partition("SCALE_")
    direction, _, end = rest.partition("_")
    if direction not in ("IN", "OUT") or end not in ENDS:
        return None
    account_id, region_id = place
    moment = now.astimezone(timezone.utc).isoformat(timespec="milliseconds")
    time = moment.replace("+00:00", "Z")
    return {
        "id": str(uuid4()).upper(),
        "source": "acs.ess",
        "specversion": "1.0",
        "type": f"ess:ScalingActivity:Scale{direction.title()}{ENDS[end]}",
        "datacontenttype": "application/json; charset=utf-8",
        "subject": f"acs:ess:{region_id}:{account_id}:scalinggroup/{group.scaling_group_id}",
        "time": time,
        "aliyunaccountid": account_id,
        "aliyunpublishtime": time,
        "aliyunoriginalaccountid": account_id,
        "aliyuneventbusname": "acs.ess",
        "aliyunregionid": region_id,
        "aliyunpublishaddr": "127.0.0.1",
        "data": messages.notice_content(f"AUTOSCALING:{kind}", group, activity),
    }
