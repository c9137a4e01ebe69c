"""Settings of a scaling group with actions of their own: protection, processes, resource group."""

from __future__ import annotations

from localcloud.answers import Reply
from localcloud.ess.actions.action import Action
from localcloud.ess.parameters import GROUP, TOKEN, Request, boolean, one_of, text, texts
from localcloud.ess.state import EssState

PROCESSES = ("ScaleIn", "ScaleOut", "HealthCheck", "AlarmNotification", "ScheduledAction")
NAMED = texts("Process", 100, required=True, values=PROCESSES)  # repetitions count once


def set_group_deletion_protection(state: EssState, request: Request) -> Reply:
    state.group(request["ScalingGroupId"]).group_deletion_protection = request[
        "GroupDeletionProtection"
    ]
    return {}


def suspend_processes(state: EssState, request: Request) -> Reply:
    group = state.group(request["ScalingGroupId"])
    suspended = {*group.suspended_processes, *request["Process"]}
    group.suspended_processes = [process for process in PROCESSES if process in suspended]
    return {}


def resume_processes(state: EssState, request: Request) -> Reply:
    group = state.group(request["ScalingGroupId"])
    resumed = request["Process"]
    group.suspended_processes = [p for p in group.suspended_processes if p not in resumed]
    return {}


def change_resource_group(state: EssState, request: Request) -> Reply:
    state.group(request["ResourceId"]).resource_group_id = request["NewResourceGroupId"]
    return {}


ACTIONS = (
    Action(
        "SetGroupDeletionProtection",
        set_group_deletion_protection,
        (GROUP, boolean("GroupDeletionProtection", default=None, required=True)),
    ),
    Action(
        "SuspendProcesses",
        suspend_processes,
        (GROUP, TOKEN, NAMED),
    ),
    Action(
        "ResumeProcesses",
        resume_processes,
        (GROUP, TOKEN, NAMED),
    ),
    Action(
        "ChangeResourceGroup",
        change_resource_group,
        (
            text("ResourceId", required=True),
            one_of("ResourceType", "scalinggroup", "ScalingGroup", required=True),
            text("NewResourceGroupId", required=True),
        ),
    ),
)
