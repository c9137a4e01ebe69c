"""ROS's own definitions of resource types accept the templates, and refuse what is wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.needs import skip_without
from tests.support.templates import read_template
from tools.ros_definitions import faults_of, is_installed

NAMES = ("template.yml", "template-fc2.yml", "s-resources.yml", "alarms.yml")
Properties = dict[str, Any]


@pytest.fixture(autouse=True)
def _definitions() -> None:
    if not is_installed():
        skip_without("ROS's definitions of resource types", "make validate")


def misspell(properties: Properties) -> None:
    """An unknown property, and a required one that is missing."""
    name = next(iter(properties))
    properties[f"{name}s"] = properties.pop(name)


def nest(properties: Properties) -> None:
    """A dictionary where a text is wanted."""
    properties[next(iter(properties))] = {"Nested": True}


PLANTED: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("template.yml", lambda r: r["Function"]["Properties"].pop("Handler"), "handler: required"),
    ("template.yml", lambda r: r["Function"]["Properties"].update(Timeout="60 s"), "be a number"),
    (
        "template.yml",
        lambda r: r["Function"]["Properties"]["LogConfig"].update(EnableRequestMetric=True),
        "Function.LogConfig.EnableRequestMetric: unknown",
    ),
    (
        "template.yml",
        lambda r: r["Function"]["Properties"]["OssMountConfig"]["Fn::If"][1]["MountPoints"][
            0
        ].update(ReadOnly="yes"),
        "should be a boolean",  # in a branch that the defaults do not take
    ),
    (
        "template.yml",
        lambda r: r["AsynchronousInvocations"]["Properties"].update(Qualifier="prod"),
        "AsynchronousInvocations.Qualifier: unknown",
    ),
    (
        "template.yml",
        lambda r: r["OneAtATime"]["Properties"].update(ReservedConcurrency="one"),
        "should be a number",
    ),
    (
        "template.yml",
        lambda r: r["Tair"]["Properties"].update(EvictionPolicy="none"),
        "evictionPolicy",
    ),
    (
        "template.yml",
        lambda r: r["Timer"]["Properties"]["FunctionName"].update({"Fn::GetAtt": ["Tair", "Url"]}),
        "no attribute Url",
    ),
    (
        "template-fc2.yml",
        lambda r: r["Function"]["Properties"]["AsyncConfiguration"].update(AsyncTask=True),
        "Function.AsyncConfiguration.AsyncTask: unknown",
    ),
    (
        "template-fc2.yml",
        lambda r: r["Queue"]["Properties"].update(MessageRetentionPeriod=1296000),
        "messageRetentionPeriod",
    ),
    (
        "s-resources.yml",
        lambda r: r["Role"]["Properties"]["Policies"][0].pop("PolicyDocument"),
        "policyDocument: required",
    ),
    (
        "alarms.yml",
        lambda r: next(iter(r.values()))["Properties"].update(SilenceTime="long"),
        "a number",
    ),
]


def test_the_definitions_accept_the_templates() -> None:
    templates = [read_template(name) for name in NAMES]

    assert dict(zip(NAMES, faults_of(templates), strict=True)) == {name: [] for name in NAMES}


def test_a_planted_mistake_is_found() -> None:
    wrong = []
    for name, plant, _ in PLANTED:
        template = read_template(name)
        plant(template["Resources"])
        wrong.append(template)

    for faults, (name, _, part) in zip(faults_of(wrong), PLANTED, strict=True):
        assert any(part in fault for fault in faults), (name, part, faults)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("plant", [misspell, nest])
def test_a_mistake_in_any_resource_is_found(name: str, plant: Callable[[Properties], None]) -> None:
    template = read_template(name)
    wrong = []
    for resource in template["Resources"]:
        changed = copy.deepcopy(template)
        plant(changed["Resources"][resource]["Properties"])
        wrong.append(changed)

    found = dict(zip(template["Resources"], faults_of(wrong), strict=True))
    for resource, faults in found.items():
        assert any(fault.startswith((f"{resource}:", f"{resource}.")) for fault in faults), faults


def test_a_type_that_is_none_is_found() -> None:
    template = read_template("template.yml")
    template["Resources"]["Queue"]["Type"] = "ALIYUN::MNS::Queues"

    [faults] = faults_of([template])
    assert "Queue: ALIYUN::MNS::Queues is no type that the definitions know" in faults
