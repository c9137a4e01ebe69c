"""Makes what Simple Log Service needs of docs/observability.yml: index, dashboard, alerts, queries.

    python -m tools.observability

writes them into template.yml; tools.operations_tables writes docs/observability.md. `make docs`
does both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "docs/observability.yml"
TEMPLATE = ROOT / "template.yml"
HEADING = "Queries: index, dashboard and alerts, made by `make docs` of docs/observability.yml"
PART = re.compile(rf"(?<=  # == {re.escape(HEADING)}\n).*?(?=\n  # == |\n[A-Z])", re.DOTALL)
DELIMITERS = ", '\";=()[]{}?@&<>/:\n\t\r"
MAX_FLOW = 150  # characters that are written in one line
CHART_WIDTH, CHART_HEIGHT, COLUMNS = 10, 8, 2
DASHBOARD_SECONDS = 604_800  # that its charts show at first: a week
PROJECT = {"Fn::GetAtt": ["LogProject", "Name"]}
LOGSTORE = {"Fn::GetAtt": ["Logstore", "LogstoreName"]}
NOTIFY = {
    "AlertPolicyId": "sls.builtin.dynamic",
    "ActionPolicyId": {"Ref": "AlertActionPolicy"},
    "RepeatInterval": "4h",
}


def definitions() -> dict[str, Any]:
    """What docs/observability.yml says."""
    document: dict[str, Any] = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    return document


def written_template(template: str) -> str:
    """The template with its part about queries made again. It is not changed without that part."""
    resources = yaml.dump(log_resources(), Dumper=_Dumper, sort_keys=False, width=110)
    part = "".join(f"  {line}\n" if line else "\n" for line in resources.splitlines())
    return PART.sub(lambda _: part, template)


def log_resources() -> dict[str, Any]:
    """The resources of a template that depend on the audit line's fields."""
    known = definitions()
    return {
        "LogIndex": {
            "Type": "ALIYUN::SLS::Index",
            "DeletionPolicy": "Retain",
            "Properties": {
                "ProjectName": PROJECT,
                "LogstoreName": LOGSTORE,
                "LogReduce": False,
                **index_properties(known),
            },
        },
        "Dashboard": {
            "Type": "ALIYUN::SLS::Dashboard",
            "DependsOn": "LogIndex",
            "Properties": {
                "ProjectName": PROJECT,
                "DashboardName": "scalein",
                "DisplayName": "scalein",
                "Description": "What it removed, what it did not, and why",
                "Charts": list(charts(known)),
            },
        },
        **{_resource_name(alert["name"]): _alert_resource(alert) for alert in known["alerts"]},
    }


def index_properties(known: Mapping[str, Any]) -> dict[str, Any]:
    """Full text and fields, all with analytics, as properties of an ALIYUN::SLS::Index."""
    full_text = {
        "Enable": True,
        "CaseSensitive": False,
        "IncludeChinese": False,
        "Delimiter": DELIMITERS,
    }
    return {"FullTextIndex": full_text, "KeyIndices": _keys(known["index"])}


def _keys(type_by_name: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Fields with analytics; one whose type is a map is JSON, with its leaves."""
    return [
        {"Name": name, "Type": type, "EnableAnalytics": True}
        if isinstance(type, str)
        else {"Name": name, "Type": "json", "EnableAnalytics": True, "JsonKeyIndices": _keys(type)}
        for name, type in type_by_name.items()
    ]


def charts(known: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields the charts of the dashboard, two beside each other."""
    query_by_name = {query["know"]: query["query"] for query in known["queries"]}
    for number, chart in enumerate(known["charts"]):
        yield {
            "title": chart["title"],
            "type": chart["type"],
            "search": {
                "logstore": LOGSTORE,
                "topic": "",
                "query": query_by_name[chart["shows"]],
                "start": f"-{DASHBOARD_SECONDS}s",
                "end": "now",
            },
            "display": {
                "displayName": chart["title"],
                "xAxis": chart["x"],
                "yAxis": chart.get("y", []),
                "xPos": number % COLUMNS * CHART_WIDTH,
                "yPos": number // COLUMNS * CHART_HEIGHT,
                "width": CHART_WIDTH,
                "height": CHART_HEIGHT,
            },
        }


def over_minutes(alert: Mapping[str, Any]) -> int:
    """How far back the query of an alert looks: a minute more than its period, for late rows."""
    return int(alert.get("over_minutes", alert["every_minutes"] + 1))


def query_blocks() -> str:
    """The queries as Markdown, each with what it answers."""
    blocks = (f"{query['know']}:\n\n```sql\n{query['query']}\n```\n" for query in _queries())
    return "\n" + "\n".join(block[0].upper() + block[1:] for block in blocks) + "\n"


def alert_rows() -> Iterator[tuple[str, str, str]]:
    """Yields a row for each alert: what happened, what to do, when it is looked for."""
    for alert in definitions()["alerts"]:
        period = f"every {alert['every_minutes']} minutes"
        if over_minutes(alert) > alert["every_minutes"] + 1:
            period += f", over {over_minutes(alert) // 60} hours"
        yield alert["title"], alert["action"], period


def _queries() -> list[dict[str, str]]:
    return list(definitions()["queries"])


def _alert_resource(alert: Mapping[str, Any]) -> dict[str, Any]:
    state = {"Fn::If": ["HasMessagesEveryDay", "Enable", "Disabled"]}
    return {
        "Type": "ALIYUN::SLS::Alert",
        "DependsOn": "LogIndex",
        "Properties": {
            "Project": PROJECT,
            "Detail": {
                "Name": f"scalein-{alert['name']}",
                "DisplayName": f"scalein: {alert['name']}",
                "Type": "Alert",
                "State": state if alert.get("expects_messages", False) else "Enable",
                "Schedule": {"Type": "FixedRate", "Interval": f"{alert['every_minutes']}m"},
                "Configuration": _alert_configuration(alert),
            },
        },
    }


def _alert_configuration(alert: Mapping[str, Any]) -> dict[str, Any]:
    """When the alert fires, and what it says."""
    fires = {"CountCondition": "__count__ > 0", "Condition": alert.get("fires_if", "")}
    return {
        "Version": "2.0",
        "Type": "default",
        "Dashboard": "internal-alert-analysis",
        "QueryList": [_alert_query(alert)],
        "GroupConfiguration": {"Type": "no_group", "Fields": []},
        "JoinConfigurations": [],
        "SeverityConfigurations": [{"Severity": alert["severity"], "EvalCondition": fires}],
        "Threshold": 1,
        "NoDataFire": "fires_if" in alert,
        "NoDataSeverity": alert["severity"],
        "SendResolved": False,
        "AutoAnnotation": True,
        "Annotations": [
            {"Key": "title", "Value": alert["title"]},
            {"Key": "desc", "Value": alert["action"]},
        ],
        "PolicyConfiguration": {
            "Fn::If": ["HasAlertActionPolicy", NOTIFY, {"Ref": "ALIYUN::NoValue"}]
        },
    }


def _alert_query(alert: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "StoreType": "log",
        "Region": {"Ref": "ALIYUN::Region"},
        "Project": PROJECT,
        "Store": LOGSTORE,
        "Query": alert["query"],
        "TimeSpanType": "Relative",
        "Start": f"-{over_minutes(alert)}m",
        "End": "now",
        "PowerSqlMode": "disable",
    }


def _resource_name(name: str) -> str:
    return "Alert" + "".join(word.capitalize() for word in name.split("-"))


class _Dumper(yaml.SafeDumper):
    """Writes leaves that belong together in one line, and no anchors."""

    def ignore_aliases(self, _: Any) -> bool:
        return True

    def represent_mapping(self, tag: str, mapping: Any, _: bool | None = None) -> yaml.MappingNode:
        is_function = len(mapping) == 1 and next(iter(mapping)).startswith(("Fn::", "Ref"))
        is_flow = is_function or _has_scalars_only(mapping.values())
        return super().represent_mapping(
            tag, mapping, flow_style=is_flow and len(str(mapping)) < MAX_FLOW
        )

    def represent_sequence(
        self, tag: str, sequence: Any, _: bool | None = None
    ) -> yaml.SequenceNode:
        return super().represent_sequence(tag, sequence, flow_style=_has_scalars_only(sequence))


def _has_scalars_only(values: Iterable[Any]) -> bool:
    return not any(isinstance(value, dict | list) for value in values)


if __name__ == "__main__":
    TEMPLATE.write_text(written_template(TEMPLATE.read_text(encoding="utf-8")), encoding="utf-8")
