"""What a ROS template comes to: functions, references, conditions, and faults of each."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein_cli.ros_template import parameter_sets, resolve_template, template_faults
from scalein_cli.template_check import statement_fault, statements_of, template_results

QUEUE = {"Type": "ALIYUN::MNS::Queue", "Properties": {"QueueName": "requests"}}
ROLE = {"Type": "ALIYUN::RAM::Role", "Properties": {"RoleName": "own"}}
MAYBE = {**QUEUE, "Condition": "Wanted"}
CONDITIONS = {
    "Wanted": {"Fn::Equals": [{"Ref": "Switch"}, True]},
    "Unwanted": {"Fn::Not": "Wanted"},
    "Both": {"Fn::And": ["Wanted", "Unwanted"]},
    "Either": {"Fn::Or": ["Wanted", {"Fn::Equals": ["a", {"Ref": "Text"}]}]},
}
PARAMETERS = {
    "Switch": {"Type": "Boolean", "Default": False},
    "Text": {"Type": "String", "Default": ""},
    "Names": {"Type": "CommaDelimitedList", "Default": "a, b"},
}


def template(value: Any = "", **sections: Any) -> dict[str, Any]:
    return {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Parameters": PARAMETERS,
        "Conditions": CONDITIONS,
        "Resources": {"Queue": QUEUE, "Role": ROLE, "Maybe": MAYBE},
        "Outputs": {"Value": {"Value": value}},
        **sections,
    }


def value_of(value: Any, **parameters: Any) -> Any:
    resolved = resolve_template(template(value), {**parameter_sets(template())[0], **parameters})
    assert resolved.faults == ()
    return resolved.outputs["Value"]


def fault_of(value: Any) -> str:
    resolved = resolve_template(template(value), parameter_sets(template())[0])
    [fault] = resolved.faults
    return fault


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ({"Ref": "Names"}, ["a", "b"]),
        ({"Ref": "ALIYUN::StackName"}, "scalein"),
        ({"Fn::Select": ["1", {"Ref": "Names"}]}, "b"),
        ({"Fn::Join": ["-", ["a", {"Ref": "ALIYUN::Region"}]]}, "a-cn-hangzhou"),
        ({"Fn::Sub": "${ALIYUN::StackName}-${Queue.QueueName}"}, "scalein-requests"),
        ({"Fn::Sub": ["${A}/${!B}", {"A": {"Ref": "ALIYUN::Region"}}]}, "cn-hangzhou/${B}"),
        ({"Fn::GetAtt": ["Role", "Arn"]}, "acs:ram::1234567890123456:role/own"),
        ({"Fn::GetAtt": ["Queue", "QueueUrl"]}, "QueueUrl-of-Queue"),
        ({"a": {"Ref": "ALIYUN::NoValue"}, "b": [{"Ref": "ALIYUN::NoValue"}, 1]}, {"b": [1]}),
    ],
)
def test_a_function_comes_to_its_value(value: Any, result: Any) -> None:
    assert value_of(value) == result


@given(switch=st.booleans())
def test_a_branch_that_is_not_taken_is_not_looked_at(switch: bool) -> None:
    value = {"Fn::If": ["Wanted", {"Fn::GetAtt": ["Maybe", "QueueName"]}, "without"]}

    assert value_of(value, Switch=switch) == ("requests" if switch else "without")


@pytest.mark.parametrize("switch", ["true", 1])
def test_what_looks_like_a_boolean_is_none(switch: Any) -> None:
    assert value_of({"Fn::If": ["Wanted", "yes", "no"]}, Switch=switch) == "no"


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ({"Ref": "Quue"}, "no parameter or resource Quue"),
        ({"Fn::GetAtt": ["Quue", "Arn"]}, "no parameter or resource Quue"),
        ({"Fn::Sub": "${Quue.Arn}"}, "no parameter or resource Quue"),
        ({"Fn::Sub": "${Txt}"}, "no parameter or resource Txt"),
        ({"Fn::GetAtt": ["Maybe", "QueueName"]}, "not created where Wanted does not hold"),
        ({"Fn::If": ["Wnted", 1, 2]}, "no condition Wnted"),
        ({"Fn::If": ["Wanted", 1]}, "Fn::If does not take these arguments"),
        ({"Fn::Not": ["Wanted"]}, "Fn::Not does not take these arguments"),
        ({"Fn::Select": ["7", {"Ref": "Names"}]}, "Fn::Select does not take these arguments"),
        ({"Fn::Base32": "a"}, "the function Fn::Base32 is not known"),
    ],
)
def test_a_reference_to_nothing_is_a_fault_that_says_where(value: Any, part: str) -> None:
    assert part in fault_of(value)
    assert fault_of(value).startswith("Outputs.Value")


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"DependsOn": ["Queue", "Quue"]}, "DependsOn: there is no resource Quue"),
        ({"DeletionPolicy": "Keep"}, "'Keep' is not one of ['Delete', 'Retain']"),
        ({"Propertys": {}}, "'Propertys' was unexpected"),
        ({"Type": None}, "$.Resources.Queue.Type"),
        ({"Properties": {"QueueName": {"Fn::GetAtt": ["Queue", "QueueName"]}}}, "to itself"),
        ({"Condition": "Wnted"}, "there is no condition Wnted"),
    ],
)
def test_a_fault_of_a_resource_is_found(change: dict[str, Any], part: str) -> None:
    resources = {"Queue": {**QUEUE, **change}, "Role": ROLE}

    assert part in " ".join(template_faults(template(Resources=resources)))


def test_what_nothing_uses_and_what_nothing_changes_is_found() -> None:
    unused = {**PARAMETERS, "Unused": {"Type": "String"}}
    faults = template_faults(template({"Ref": "Names"}, Parameters=unused))

    assert faults == [
        "Parameters.Unused: nothing uses it",
        "Conditions.Both: no parameter changes it",
    ]


def test_a_rule_says_which_parameters_are_not_taken_if_it_applies() -> None:
    text = {"Fn::Equals": [{"Ref": "Text"}, "a"]}
    rules = {
        "Of": {
            "RuleCondition": {"Fn::Equals": [{"Ref": "Switch"}, True]},
            "Assertions": [{"Assert": text, "AssertDescription": "Switch needs Text a."}],
        },
        "Always": {"Assertions": [{"Assert": {"Fn::Not": {"Fn::Equals": [{"Ref": "Text"}, "b"]}}}]},
    }
    for switch, value, refusals in (
        (False, "", ()),
        (True, "a", ()),
        (True, "", ("Switch needs Text a.",)),
        (False, "b", ("Rules.Always",)),
    ):
        values = {**parameter_sets(template())[0], "Switch": switch, "Text": value}
        assert resolve_template(template(Rules=rules), values).refusals == refusals


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        ({"Assertion": []}, "'Assertion' was unexpected"),
        ({"Assertions": [{"AssertDescription": "x"}]}, "'Assert' is a required property"),
        ({"Assertions": [{"Assert": {"Fn::Not": {"Fn::Equals": [{"Ref": "Txt"}, ""]}}}]}, "Txt"),
    ],
)
def test_a_fault_of_a_rule_is_found(rule: dict[str, Any], part: str) -> None:
    assert part in " ".join(template_faults(template(Rules={"Of": rule})))


def test_a_section_that_is_none_is_found() -> None:
    assert "'Resource' was unexpected" in " ".join(template_faults(template(Resource={})))


def test_a_condition_that_depends_on_itself_is_found() -> None:
    conditions = {"Wanted": {"Fn::And": ["Other", "Other"]}, "Other": {"Fn::Not": "Wanted"}}

    assert "Conditions.Wanted: Wanted refers to itself" in template_faults(
        template(Conditions=conditions)
    )


def test_each_condition_is_tried_both_ways() -> None:
    sets = parameter_sets(template())
    tried = {
        name: {resolve_template(template(), values).conditions[name] for values in sets}
        for name in ("Wanted", "Unwanted", "Either")
    }

    assert set(map(frozenset, tried.values())) == {frozenset({True, False})}


def test_a_fault_behind_another_condition_is_found() -> None:
    """Either holds by Text alone where Wanted, which hides the branch, does not."""
    hidden = {"Fn::If": ["Wanted", "", {"Fn::If": ["Either", {"Ref": "Nothing"}, ""]}]}
    text = {"Type": "String", "Default": "", "AllowedValues": ["", "a"]}
    faults = template_faults(template(hidden, Parameters={**PARAMETERS, "Text": text}))

    assert "Outputs.Value: there is no parameter or resource Nothing" in faults


def test_a_sample_is_what_the_description_names() -> None:
    parameter = {"Type": "CommaDelimitedList", "Description": "Groups, such as acs:ess:a:1:g. More"}
    [defaults, *_] = parameter_sets({"Parameters": {"Arns": parameter}})

    assert defaults == {"Arns": ["acs:ess:a:1:g"]}


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"Effect": "allow"}, "Effect must be"),
        ({"Action": ["ess:Remove Instances"]}, "Action must be"),
        ({"Resource": []}, "Resource is missing"),
        ({"Resource": ["acs:ess:scalinggroup/asg-1"]}, "must be *, or acs:"),
        ({"Resources": ["*"]}, "only the keys"),
    ],
)
def test_a_wrong_statement_of_a_policy_is_found(change: dict[str, Any], part: str) -> None:
    right = {"Effect": "Allow", "Action": ["ess:RemoveInstances"], "Resource": ["acs:ess:r:1:g"]}

    assert statement_fault(right) == ""
    assert part in statement_fault({**right, **change})


def test_every_statement_is_found_with_its_place() -> None:
    document = {"A": [{"PolicyDocument": {"Statement": [1, 2]}}]}

    assert dict(statements_of(document)) == {
        "$.A[0].PolicyDocument.Statement[0]": 1,
        "$.A[0].PolicyDocument.Statement[1]": 2,
    }


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_is_no_statement_is_reported_as_wrong(thing: Any) -> None:
    if not isinstance(thing, dict) or thing.get("Effect") not in ("Allow", "Deny"):
        assert statement_fault(thing)


NO_FUNCTION = "Fn::None"
FUNCTION_NAMES = st.sampled_from(
    ["Ref", "Fn::GetAtt", "Fn::Sub", "Fn::Join", "Fn::Select", "Fn::If", "Fn::Equals", NO_FUNCTION]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["Wanted", "${Queue}"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(FUNCTION_NAMES | st.text(), inner, max_size=2)
    ),
)


SECTIONS = st.sampled_from(["Parameters", "Conditions", "Resources", "Outputs", "Metadata"])
ENTRIES = VALUES | st.dictionaries(
    st.sampled_from(["Queue", "Wanted", "Switch"]),
    VALUES
    | st.dictionaries(
        st.sampled_from(["Type", "Value", "Default", "Properties", "Condition", "DependsOn"]),
        VALUES,
    ),
)


def test_what_is_no_template_at_all_is_not_good(tmp_path: Path) -> None:
    documents: list[Any] = [{"groups": {}}, [], "x", None]
    for document in documents:
        path = tmp_path / "document.json"
        path.write_text(json.dumps(document), encoding="utf-8")

        [(passed, detail)] = template_results(path)
        assert not passed
        assert detail.startswith("no template")


@given(VALUES)
def test_whatever_a_value_is_it_is_resolved_or_reported(value: Any) -> None:
    assert isinstance(template_faults(template(value)), list)


@given(SECTIONS, ENTRIES)
def test_whatever_a_section_is_it_is_resolved_or_reported(section: str, value: Any) -> None:
    changed = template(**{section: value})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.json"
        path.write_text(json.dumps(changed), encoding="utf-8")
        results = list(template_results(path))

    assert [detail for passed, detail in results if not passed] or results[-1][0]
