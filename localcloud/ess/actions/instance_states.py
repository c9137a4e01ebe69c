"""The states of instances: protect, put into standby, mark as healthy or not."""

from __future__ import annotations

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess import activity_lifecycle, refusals
from localcloud.ess.actions.action import Action
from localcloud.ess.actions.members import IDS, activity_by_hand, in_states
from localcloud.ess.model import Instance
from localcloud.ess.parameters import GROUP, TOKEN, Request, boolean, one_of, text
from localcloud.ess.state import EssState

PROTECTABLE = ("InService", "Protected")


def set_instances_protection(state: EssState, request: Request) -> Reply:
    group = state.group(request["ScalingGroupId"])
    if group.lifecycle_state != "Active":
        raise errors.IncorrectScalingGroupStatus()
    state_after = "Protected" if request["ProtectedFromScaleIn"] else "InService"
    for instance in in_states(group, request["InstanceId"], *PROTECTABLE):
        instance.lifecycle_state = state_after
    return {}


def enter_standby(state: EssState, request: Request) -> Reply:
    return _turn(state, request, "Standby", PROTECTABLE)


def exit_standby(state: EssState, request: Request) -> Reply:
    return _turn(state, request, "InService", ("Standby",))


def _turn(state: EssState, request: Request, to: str, states: tuple[str, ...]) -> Reply:
    """Gives instances another state: at once, or where the call is Async after a while."""
    group = state.group(request["ScalingGroupId"])
    turning = in_states(group, request["InstanceId"], *states)
    verb = "put into standby" if to == "Standby" else "exit standby"
    activity = activity_by_hand(state, group, verb, request["InstanceId"], request)
    activity.turns_to = to
    state.start_turning(group, turning, activity)
    if not request["Async"]:
        activity_lifecycle.proceed(state, activity, activity.started_at)
    return {"ScalingActivityId": activity.scaling_activity_id}


def set_instance_health(state: EssState, request: Request) -> Reply:
    _instance(state, request["InstanceId"]).health_status = request["HealthStatus"]
    return {}


def _instance(state: EssState, instance_id: str) -> Instance:
    group = state.group_of(instance_id)
    if group is None:
        raise refusals.UnknownInstance(instance_id)
    return group.instances[instance_id]


ACTIONS = (
    Action(
        "SetInstancesProtection",
        set_instances_protection,
        (GROUP, IDS, boolean("ProtectedFromScaleIn", default=None, required=True)),
    ),
    Action(
        "EnterStandby",
        enter_standby,
        (GROUP, IDS, TOKEN, boolean("Async")),
    ),
    Action(
        "ExitStandby",
        exit_standby,
        (GROUP, IDS, TOKEN, boolean("Async")),
    ),
    Action(
        "SetInstanceHealth",
        set_instance_health,
        (
            text("InstanceId", required=True),
            one_of("HealthStatus", "Healthy", "Unhealthy", required=True),
        ),
    ),
)
