"""The only module that decides whether anyone may leave now. Pure."""

from __future__ import annotations

from scalein.model import Named, Order, Reason, RemovalRequest, ScalingGroup

KNOWN_REMOVAL_POLICIES = frozenset(order.value for order in Order)


def objection(request: RemovalRequest, group: ScalingGroup) -> Reason | None:
    """Why nobody may leave this group now, or None."""
    if group.lifecycle_state != "Active":
        return Reason.GROUP_NOT_ACTIVE
    if "ScaleIn" in group.suspended_processes:
        return Reason.SCALE_IN_SUSPENDED  # it rejects manual removal too (ESS guide, Suspend a scaling process)
    chosen_by_group = not request.order and not isinstance(request.ask, Named)
    if chosen_by_group and not KNOWN_REMOVAL_POLICIES.issuperset(group.removal_policies):
        return Reason.UNKNOWN_REMOVAL_POLICY  # such as CustomPolicy: guessing would take the wrong instance
    return None
