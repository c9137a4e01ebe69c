"""The events of scaling activities on EventBridge's default bus.

Their types are published (help page "Auto Scaling events" of EventBridge); the layout of `data` is
not, and here that of a notification.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from localcloud.buses.events import cloud_event
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
    given = {
        "source": "acs.ess",
        "type": f"ess:ScalingActivity:Scale{direction.title()}{ENDS[end]}",
        "subject": f"acs:ess:{region_id}:{account_id}:scalinggroup/{group.scaling_group_id}",
        "data": messages.notice_content(f"AUTOSCALING:{kind}", group, activity),
    }
    return cloud_event(given, place, "acs.ess", now)
