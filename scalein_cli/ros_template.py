"""The resources that a ROS template creates, for sample parameters: functions carried out,
references followed, conditions and rules decided.

ROS reports a reference to nothing only when it creates the stack, and one in a branch only when
that branch is taken. Names and semantics are those of ROS's help pages `functions`, `conditions`,
`rules` and `pseudo-parameters`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from scalein_cli.ros_form import form_faults

ACCOUNT_ID, REGION_ID = "1234567890123456", "cn-hangzhou"
NO_VALUE = object()  # ALIYUN::NoValue: what contains it drops it
PSEUDO_PARAMETERS: Mapping[str, Any] = {
    "ALIYUN::AccountId": ACCOUNT_ID,
    "ALIYUN::TenantId": ACCOUNT_ID,
    "ALIYUN::Region": REGION_ID,
    "ALIYUN::StackName": "scalein",
    "ALIYUN::StackId": "00000000-0000-0000-0000-000000000000",
    "ALIYUN::NoValue": NO_VALUE,
}
VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")
EXAMPLE = re.compile(r"such as ([^ ]*[^ .,])")
SAMPLES: Mapping[str, Any] = {"Number": 1, "Boolean": False, "Json": [{"sample": "sample"}]}


class ResolvedTemplate(NamedTuple):
    """A template for one set of parameters, without functions, and what is wrong with it."""

    resources: dict[str, dict[str, Any]]  # those that are created
    outputs: dict[str, Any]
    attributes: frozenset[tuple[str, str]]  # type of a resource, attribute that is read of it
    conditions: dict[str, bool]
    faults: tuple[str, ...]
    refusals: tuple[str, ...]  # why ROS does not take these parameters, by the template's rules


def resolve_template(
    template: Mapping[str, Any], parameters: Mapping[str, Any]
) -> ResolvedTemplate:
    """The template as ROS creates it with these parameters: one of `parameter_sets`."""
    resolver = _Resolver(template, parameters)
    conditions = {name: resolver.condition(name, "Conditions") for name in resolver.conditions}
    refusals = tuple(
        refusal
        for name, rule in (template.get("Rules") or {}).items()
        for refusal in resolver.refusals(rule, f"Rules.{name}")
    )
    resources = {
        name: resolver.resource(name)
        for name, resource in resolver.resources.items()
        if resolver.is_created(name)
    }
    outputs = {
        name: resolver.value(output.get("Value"), f"Outputs.{name}")
        for name, output in (template.get("Outputs") or {}).items()
        if "Condition" not in output or resolver.condition(output["Condition"], f"Outputs.{name}")
    }
    return ResolvedTemplate(
        resources,
        outputs,
        frozenset(resolver.attributes),
        conditions,
        tuple(dict.fromkeys(resolver.faults)),
        refusals,
    )


def parameter_sets(template: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Sample values of all parameters: the defaults; the defaults, with another value of one that
    a condition depends on; another value of each."""
    parameters: Mapping[str, Any] = template.get("Parameters") or {}
    defaults = {name: _default(name, parameter) for name, parameter in parameters.items()}
    others = {name: _other_value(name, parameter) for name, parameter in parameters.items()}
    deciding = [name for name in others if name in _references(template.get("Conditions"))]
    return [defaults, *({**defaults, name: others[name]} for name in deciding), others]


def template_faults(template: Mapping[str, Any]) -> list[str]:
    """What is wrong with the template in any of its parameter sets, and with its parameters."""
    if faults := form_faults(template):
        return faults
    resolutions = [resolve_template(template, values) for values in parameter_sets(template)]
    faults = [fault for resolution in resolutions for fault in resolution.faults]
    used = _references({key: part for key, part in template.items() if key != "Parameters"})
    faults += [
        f"Parameters.{name}: nothing uses it"
        for name in template.get("Parameters") or {}
        if name not in used
    ]
    for name in template.get("Conditions") or {}:
        if len({resolution.conditions[name] for resolution in resolutions}) == 1:
            faults.append(f"Conditions.{name}: no parameter changes it")
    return list(dict.fromkeys(faults))


class _Resolver:
    """Resolves the values of one template for one set of parameters, and collects faults."""

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
        self.parameters = {**PSEUDO_PARAMETERS, **parameters}
        self.conditions: Mapping[str, Any] = template.get("Conditions") or {}
        self.resources: Mapping[str, Any] = template.get("Resources") or {}
        self.attributes: set[tuple[str, str]] = set()
        self.faults: list[str] = []
        self._open: set[str] = set()  # names of what is being resolved
        self._functions: Mapping[str, Callable[[Any, str], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._attribute,
            "Fn::Sub": self._substitution,
            "Fn::Join": lambda of, path: of[0].join(str(part) for part in self.value(of[1], path)),
            "Fn::Select": lambda of, path: self.value(of[1], path)[int(of[0])],
            "Fn::If": self._branch,
            "Fn::Equals": self._equals,
            "Fn::Not": lambda of, path: not self.condition(of, path),
            "Fn::And": lambda of, path: all(self.condition(each, path) for each in list(of)),
            "Fn::Or": lambda of, path: any(self.condition(each, path) for each in list(of)),
        }

    def resource(self, name: str) -> dict[str, Any]:
        """A resource with its values, for one that is created."""
        resource, path = self.resources[name], f"Resources.{name}"
        needed = resource.get("DependsOn") or []
        for other in [needed] if isinstance(needed, str) else needed:
            if other not in self.resources:
                self.faults.append(f"{path}.DependsOn: there is no resource {other}")
        properties = self.value(resource.get("Properties") or {}, f"{path}.Properties")
        return {**resource, "Properties": properties}

    def is_created(self, name: str) -> bool:
        condition = self.resources[name].get("Condition")
        return condition is None or self.condition(condition, f"Resources.{name}.Condition")

    def refusals(self, rule: Mapping[str, Any], path: str) -> list[str]:
        """The descriptions of the rule's assertions that do not hold, if the rule applies."""
        applies = self.condition(rule.get("RuleCondition", {"Fn::Equals": ["", ""]}), path)
        return [
            str(each.get("AssertDescription", path))
            for each in rule["Assertions"]
            if not self.condition(each["Assert"], path) and applies
        ]

    def condition(self, of: Any, path: str) -> bool:
        """Whether a condition holds: one of the template, by name, or a function.

        Raises TypeError for anything else: ROS's Fn::Not takes one condition, and no list."""
        if isinstance(of, list):
            raise TypeError(of)
        if not isinstance(of, str):
            return bool(self.value(of, path))
        if of not in self.conditions:
            self.faults.append(f"{path}: there is no condition {of}")
            return False
        return bool(self._once(of, self.conditions[of], f"Conditions.{of}"))

    def value(self, of: Any, path: str) -> Any:
        """The value without functions. What is no value is dropped."""
        if isinstance(of, list):
            values = [self.value(each, f"{path}[{i}]") for i, each in enumerate(of)]
            return [value for value in values if value is not NO_VALUE]
        if not isinstance(of, dict):
            return of
        if len(of) == 1 and (name := next(iter(of))) and (name == "Ref" or name[:4] == "Fn::"):
            return self._call(name, of[name], path)
        inner = {key: self.value(each, f"{path}.{key}") for key, each in of.items()}
        return {key: value for key, value in inner.items() if value is not NO_VALUE}

    def _call(self, name: str, of: Any, path: str) -> Any:
        function = self._functions.get(name)
        if not function:
            self.faults.append(f"{path}: the function {name} is not known")
            return f"{name} of {path}"
        try:
            return function(of, path)
        except (TypeError, ValueError, LookupError, AttributeError):
            self.faults.append(f"{path}: {name} does not take these arguments")
            return f"{name} of {path}"

    def _ref(self, name: str, path: str) -> Any:
        if name in self.parameters:
            return self.parameters[name]
        self._check_created(name, path)
        return f"id-of-{name}"

    def _attribute(self, of: list[str], path: str) -> Any:
        name, attribute = of
        if not self._check_created(name, path):
            return f"{name}.{attribute}"
        resource = self.resources[name]
        self.attributes.add((resource["Type"], attribute))
        properties = resource.get("Properties") or {}
        if resource["Type"] == "ALIYUN::RAM::Role" and attribute == "Arn":
            role_name = self.value(properties["RoleName"], path)
            return f"acs:ram::{ACCOUNT_ID}:role/{role_name}"
        if attribute in properties:  # such as a name
            return self._once(f"{name}.{attribute}", properties[attribute], path)
        return f"{attribute}-of-{name}"

    def _once(self, name: str, of: Any, path: str) -> Any:
        """The value of what has a name, unless it is being resolved: then it refers to itself."""
        if name in self._open:
            self.faults.append(f"{path}: {name} refers to itself")
            return f"{name} of {path}"
        self._open.add(name)
        try:
            return self.value(of, path)
        finally:
            self._open.discard(name)

    def _check_created(self, name: str, path: str) -> bool:
        if name not in self.resources:
            self.faults.append(f"{path}: there is no parameter or resource {name}")
        elif not self.is_created(name):
            condition = self.resources[name]["Condition"]
            self.faults.append(f"{path}: {name} is not created where {condition} does not hold")
        return name in self.resources

    def _substitution(self, of: Any, path: str) -> str:
        text, variables = (of, {}) if isinstance(of, str) else of

        def replacement(match: re.Match[str]) -> str:
            name = match[1]
            if name in variables:
                return str(self.value(variables[name], path))
            if "." in name:
                return str(self._attribute(name.split(".", 1), path))
            return str(self._ref(name, path))

        return VARIABLE.sub(replacement, text).replace("${!", "${")

    def _branch(self, of: list[Any], path: str) -> Any:
        condition, if_true, if_false = of
        return self.value(if_true if self.condition(condition, path) else if_false, path)

    def _equals(self, of: list[Any], path: str) -> bool:
        first, second = (self.value(each, path) for each in of)
        return type(first) is type(second) and bool(first == second)


def _default(name: str, parameter: Mapping[str, Any]) -> Any:
    if "Default" in parameter:
        return _typed(parameter["Type"], parameter["Default"])
    return _other_value(name, parameter)


def _other_value(name: str, parameter: Mapping[str, Any]) -> Any:
    """A value of the parameter's type that is not its default: the one that its description names
    ("such as ..."), or a made one."""
    kind, default = parameter.get("Type"), parameter.get("Default")
    if kind == "Boolean":
        return not default
    others = [value for value in parameter.get("AllowedValues", ()) if value != default]
    if others:
        return _typed(str(kind), others[0])
    if kind in SAMPLES:
        return parameter.get("MaxValue", SAMPLES[str(kind)])
    named = EXAMPLE.search(str(parameter.get("Description", "")))
    return _typed(str(kind), named[1] if named else f"sample{name}1")


def _typed(kind: str, value: Any) -> Any:
    if kind == "CommaDelimitedList" and isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return value


def _references(of: Any) -> set[str]:
    """All names that Ref and Fn::Sub name in a part of a template."""
    if isinstance(of, list):
        return {name for each in of for name in _references(each)}
    if not isinstance(of, dict):
        return set()
    names = {str(of["Ref"])} if "Ref" in of else set()
    text = of.get("Fn::Sub")
    text = text[0] if isinstance(text, list) and text else text
    if isinstance(text, str):
        names |= set(VARIABLE.findall(text))
    return names | {name for each in of.values() for name in _references(each)}
