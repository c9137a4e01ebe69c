"""Scaling groups: create, change, enable, disable, delete, describe. More: `group_settings`."""

from __future__ import annotations

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess import refusals
from localcloud.ess.actions import hooks
from localcloud.ess.actions.action import Action
from localcloud.ess.actions.balancers import DATABASES, KINDS, attach_entries, entries_of
from localcloud.ess.actions.group_fields import (
    DESCRIBED_ONLY,
    SETTABLE,
    TEMPLATE_VERSION,
    activate,
    configuration_of,
    set_fields,
)
from localcloud.ess.actions.members import WEIGHTS, attach
from localcloud.ess.balancer_entries import BALANCERS
from localcloud.ess.model import ScalingGroup
from localcloud.ess.parameters import (
    GROUP,
    REGION,
    TOKEN,
    Request,
    boolean,
    one_of,
    pages,
    records,
    text,
    texts,
)
from localcloud.ess.removal_checks import check_service_role
from localcloud.ess.requests import matches, page_reply
from localcloud.ess.state import EssState, new_id
from localcloud.ess.views import group_view

MAX_GROUPS = 50
ID_LISTS = (BALANCERS, DATABASES)  # each is one text
ZONE_LETTERS = "hijkbcde"


def create_scaling_group(state: EssState, request: Request) -> Reply:
    if len(state.groups) >= MAX_GROUPS:
        raise errors.Quota("ScalingGroup")
    if request["InstanceId"] and state.group_of(request["InstanceId"]) is None:
        raise errors.InstanceNotFound(request["InstanceId"])
    now = state.clock.now()
    group = ScalingGroup(
        new_id("asg"),
        now,
        request["MinSize"],
        request["MaxSize"],
        group_type=request["GroupType"],
        lifecycle_state="Inactive",
        health_check_type="ECS",
        resource_group_id=request["ResourceGroupId"] or "",
        tags=[{"Propagate": False, "Value": "", **tag} for tag in request["Tag"]],
    )
    set_fields(state, group, request)
    if request["VSwitchId"] and not group.vswitch_ids:
        group.vswitch_ids = [request["VSwitchId"]]
    zones = ZONE_LETTERS[: len(group.vswitch_ids)]  # one for each
    group.zone_ids = [f"{state.region_id}-{letter}" for letter in zones]
    _attach_all_kinds(state, group, request)
    created = [hooks.new_hook(state, group, fields) for fields in request["LifecycleHook"]]
    state.groups[group.scaling_group_id] = group
    state.hooks.update((hook.lifecycle_hook_id, hook) for hook in created)
    return {"ScalingGroupId": group.scaling_group_id}


def _attach_all_kinds(state: EssState, group: ScalingGroup, request: Request) -> None:
    """Attaches what the call names to a new group. Raises ApiError."""
    for kind in KINDS:
        by_ids = _ids_in(request[kind.field] or "") if kind.field in ID_LISTS else ()
        given = list(by_ids) or (request[kind.parameter] if kind.identified_by else ())
        if given:
            try:
                attach_entries(state, group, kind, entries_of(kind, given), force=True)
            except refusals.BalancerStatus as error:
                raise errors.IncorrectLoadBalancerStatus() from error


def modify_scaling_group(state: EssState, request: Request) -> Reply:
    group = state.group(request["ScalingGroupId"])
    if request["DisableDesiredCapacity"] and state.running(group.scaling_group_id):
        raise errors.ScalingActivityInProgress()
    source_id = request["ActiveScalingConfigurationId"]
    if source_id:
        configuration_of(state, group, source_id)
    set_fields(state, group, request)  # the last that may be refused
    if request["DisableDesiredCapacity"]:
        group.desired_capacity = None
    if source_id:
        activate(state, group, source_id)
    group.modified_at = state.clock.now()
    return {}


def enable_scaling_group(state: EssState, request: Request) -> Reply:
    """Needs a configuration to create instances by, or instances to attach, or instances."""
    group = state.group(request["ScalingGroupId"])
    if group.lifecycle_state != "Inactive":
        raise errors.IncorrectScalingGroupStatus()
    source_id = request["ActiveScalingConfigurationId"]
    if source_id:
        configuration_of(state, group, source_id)
    template_id = request["LaunchTemplateId"] or group.launch_template_id
    has_source = source_id or group.active_scaling_configuration_id or template_id
    if not (has_source or group.instances or request["InstanceId"]):
        raise refusals.MissingActiveConfiguration()
    group.lifecycle_state = "Active"
    if request["InstanceId"]:
        _attach_all(state, group, request)
    if source_id:
        activate(state, group, source_id)
    group.launch_template_id = template_id
    group.cooldown_until = None  # ESS guide, Cooldown time
    version = request["LaunchTemplateVersion"] or group.launch_template_version
    group.launch_template_version = version
    return {}


def _attach_all(state: EssState, group: ScalingGroup, request: Request) -> None:
    """Attaches instances to a group that was just enabled; where it cannot, it is Inactive."""
    try:
        attach(state, group, request["InstanceId"], {**request, "Entrusted": False})
    except errors.ApiError as error:
        group.lifecycle_state = "Inactive"
        if isinstance(error, errors.IncorrectCapacityMaxSize):
            raise refusals.MaxSizeWhenEnabling() from error
        raise


def disable_scaling_group(state: EssState, request: Request) -> Reply:
    """Stops new activities; what is under way goes on."""
    group = state.group(request["ScalingGroupId"])
    if group.lifecycle_state != "Active":
        raise errors.IncorrectScalingGroupStatus()
    group.lifecycle_state = "Inactive"
    return {}


def delete_scaling_group(state: EssState, request: Request) -> Reply:
    """Deletes the group; without ForceDelete it has to be empty and without a running activity."""
    group = state.group(request["ScalingGroupId"])
    id = group.scaling_group_id
    check_service_role(group)
    if group.group_deletion_protection:
        raise errors.GroupProtected()
    running = state.running(id)
    if running and not request["ForceDelete"]:
        raise errors.ScalingActivityInProgress()
    if group.instances and not request["ForceDelete"]:
        raise refusals.InstanceInUse()
    for activity in running:
        activity.status_code, activity.ends_at = "Failed", state.clock.now()
    for owned in (
        *(state.configurations, state.rules, state.hooks, state.alarms),
        state.scheduled_tasks,
    ):
        for key in [key for key, resource in owned.items() if resource.scaling_group_id == id]:
            del owned[key]
    state.receivers = [r for r in state.receivers if r.scaling_group_id != id]
    del state.groups[id]
    return {}


def describe_scaling_groups(state: EssState, request: Request) -> Reply:
    """Returns the groups that match; unknown ids are not an error."""
    names = request["ScalingGroupNames"]
    if request["ScalingGroupName"]:
        names = [*names, request["ScalingGroupName"]]
    tags = {(tag.get("Key"), tag.get("Value")) for tag in request["Tag"]}
    groups = [
        group
        for group in state.groups.values()
        if request["RegionId"] == state.region_id
        and (not names or group.name in names)
        and tags <= _tag_patterns(group)
        and matches(
            request,
            {
                "ScalingGroupId": group.scaling_group_id,
                "GroupType": group.group_type,
                "ResourceGroupId": group.resource_group_id,
            },
        )
    ]
    return page_reply(request, "ScalingGroups", groups, lambda group: group_view(state, group))


def _tag_patterns(group: ScalingGroup) -> set[tuple[str, str | None]]:
    """Returns what a request's tag may be to match: key and value, or the key alone."""
    pairs = {(tag["Key"], tag["Value"]) for tag in group.tags}
    return {*pairs, *((tag["Key"], None) for tag in group.tags)}


def _ids_in(text: str) -> list[str]:
    """Returns the ids of a JSON list, or separated by commas: both are documented."""
    return [id for id in (part.strip(' []"') for part in text.split(",")) if id]


ACTIONS = (
    Action(
        "CreateScalingGroup",
        create_scaling_group,
        (
            REGION,
            *[p._replace(required=p.name in ("MinSize", "MaxSize")) for p in SETTABLE],
            *DESCRIBED_ONLY,
            TOKEN,
            text("VSwitchId"),
            text("InstanceId"),
            text("ResourceGroupId"),
            *(text(name) for name in ID_LISTS),
            *(records(kind.parameter, 10) for kind in KINDS if kind.identified_by),
            one_of("GroupType", "ECS", "ECI", default="ECS"),
            records("Tag"),
            records("LifecycleHook", 10),
        ),
        "databases are ids; spot and cost options are described, without effect",
    ),
    Action(
        "ModifyScalingGroup",
        modify_scaling_group,
        (
            GROUP,
            *SETTABLE,
            *DESCRIBED_ONLY,
            text("ActiveScalingConfigurationId"),
            boolean("DisableDesiredCapacity"),
        ),
        "spot and cost options are described, without effect",
    ),
    Action(
        "EnableScalingGroup",
        enable_scaling_group,
        (
            GROUP,
            *(
                text("ActiveScalingConfigurationId"),
                text("LaunchTemplateId"),
                TEMPLATE_VERSION,
            ),
            texts("InstanceId"),
            WEIGHTS,
            records("LaunchTemplateOverride"),
        ),
    ),
    Action("DisableScalingGroup", disable_scaling_group, (GROUP,)),
    Action(
        "DeleteScalingGroup",
        delete_scaling_group,
        (GROUP, boolean("ForceDelete")),
        "deleted at once, never Deleting",
    ),
    Action(
        "DescribeScalingGroups",
        describe_scaling_groups,
        (
            *(
                REGION,
                texts("ScalingGroupId"),
                text("ScalingGroupName"),
                text("ResourceGroupId"),
                records("Tag"),
            ),
            texts("ScalingGroupName")._replace(stored_as="ScalingGroupNames"),
            one_of("GroupType", "ECS", "ECI"),
            *pages(50),
        ),
    ),
)
