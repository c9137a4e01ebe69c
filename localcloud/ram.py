"""Whether a RAM policy permits a call, as Resource Access Management would judge it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.wire import Params

CLOUD_MONITOR_VERSION = "2019-01-01"
ESS, BUSES = "ess", "eventbridge"
PRODUCTS = {
    "2014-08-28": ESS,
    "2022-02-22": ESS,
    CLOUD_MONITOR_VERSION: "cms",
    "2014-05-15": "slb",
    "2014-05-26": "ecs",
    "2020-04-01": BUSES,
    "2020-06-16": "alb",
    "2015-04-01": "sts",
}
# The right that a page names where it is not the action; which of the two holds is unverified.
ALSO = {"ess:RemoveInstances": "ess:DetachInstances"}
READS = ("Describe", "List", "Get", "View")
# Of conditions: each compares a value of the call with one of the policy.
TESTS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringNotEquals": lambda value, wanted: value != wanted,
    "StringEqualsIgnoreCase": lambda value, wanted: value.lower() == wanted.lower(),
    "StringLike": lambda value, wanted: matches(wanted, value),
    "StringNotLike": lambda value, wanted: not matches(wanted, value),
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
}
NEGATIVE = ("StringNotEquals", "StringNotLike")  # hold if no value is equal


class PolicyError(Exception):
    """A policy is wrong; the text says why."""


@dataclass
class RolePolicy:
    """The statements of a role's policies, in one account and region. What no statement allows is
    forbidden, and a Deny outranks every Allow.
    """

    statements: Iterable[Mapping[str, Any]]
    account_id: str = "1234567890"
    region_id: str = "cn-hangzhou"

    def permits(self, params: Params) -> bool:
        """Whether the call's action is allowed on what it changes; a call that reads is judged by
        its action alone, on every resource.
        """
        product = PRODUCTS.get(params.get("Version", ""), ESS)
        name = params.get("Action", "")
        resource = self._resource(product, name, params)
        return self.permits_action(f"{product}:{name}", resource)

    def permits_action(
        self, action: str, resource: str, context: Mapping[str, str] | None = None
    ) -> bool:
        """Whether an action, such as fc:InvokeFunction, is allowed on a resource. RemoveInstances
        needs an Allow, and no Deny, of itself or of DetachInstances.

        `context`: values by condition key, such as acs:SourceIp.
        """
        names = [action, ALSO.get(action, action)]
        effects = {
            statement["Effect"]
            for statement in self.statements
            if any(_applies(statement, "Action", name) for name in names)
            and _applies(statement, "Resource", resource)
            and _holds(statement.get("Condition", {}), context or {})
        }
        return effects == {"Allow"}

    def _resource(self, product: str, name: str, params: Params) -> str:
        if product == "sts":
            return params.get("RoleArn", "*")
        if product not in (ESS, BUSES) or name.startswith(READS):
            return "*"
        place = f"{params.get('RegionId') or self.region_id}:{self.account_id}"
        if product == BUSES:
            bus, rule = params.get("EventBusName", ""), params.get("RuleName")
            return f"acs:eventbridge:{place}:eventbus/{bus}" + (f"/rule/{rule}" if rule else "")
        return f"acs:ess:{place}:scalinggroup/{params.get('ScalingGroupId', '')}"


def statements_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns a policy document's statements. Raises PolicyError."""
    statements = document.get("Statement")
    if not isinstance(statements, list):
        raise PolicyError("a policy has a list of statements, Statement")
    for statement in statements:
        is_object = isinstance(statement, dict)
        if not is_object or statement.get("Effect") not in ("Allow", "Deny"):
            raise PolicyError("each statement has the Effect Allow or Deny")
        for name in ("Action", "Resource"):
            if (name in statement) == (f"Not{name}" in statement):
                raise PolicyError(f"each statement has either {name} or Not{name}")
        unknown = statement.get("Condition", {}).keys() - TESTS.keys()
        if unknown:
            raise PolicyError(f"the condition {sorted(unknown)[0]} is not known here")
    return list(statements)


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern matches the text, where * is any characters and ? is one."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _applies(statement: Mapping[str, Any], name: str, text: str) -> bool:
    is_named = name in statement
    patterns = _listed(statement[name if is_named else f"Not{name}"])
    if name == "Action":  # in any case
        text, patterns = text.lower(), [pattern.lower() for pattern in patterns]
    return is_named == any(matches(pattern, text) for pattern in patterns)


def _holds(condition: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    """Whether every test of a condition holds: with any of the values that it has for a key."""
    for operator, wanted_by_key in condition.items():
        among = all if operator in NEGATIVE else any
        for key, wanted in wanted_by_key.items():
            value = context.get(key)
            if value is None:
                return False
            if not among(TESTS[operator](value, str(one)) for one in _listed(wanted)):
                return False
    return True


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
