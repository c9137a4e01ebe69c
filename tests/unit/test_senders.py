"""What docs/senders.md says of each trigger, source and channel is what the function does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scalein.decision.alarm import Alarm
from scalein.decision.reasons import Ignored
from scalein.errors import RejectedEvent
from scalein.intake.dialects import parse_message
from scalein.intake.envelopes import Message, parse_event
from scalein.policy import Policy
from scalein.policy_rules import Match
from scalein.processing.alarm_requests import request_of_match
from scalein.report.outcome import Outcome

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/senders.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]*)\|$", TEXT, re.MULTILINE)
SENDERS = [row for row in ROWS if row[2].strip() not in ("sample", "---")]
REJECTED = re.compile(r'rejected: `(\w+)`, "([^"]+)"')
IGNORED = re.compile(r"ignored: `([a-z-]+)`")
# Of the lists in the vendor's documents: triggers of Function Compute, sources of EventBridge's
# buses, channels.
LISTED = (
    *("HTTP trigger", "Timer", "API Gateway", "ALB", "MNS topic", "MNS queue", "RocketMQ"),
    *("Apache RocketMQ", "RabbitMQ", "Kafka", "MQTT", "OSS", "CDN", "Tablestore", "DTS"),
    *("Simple Log Service", "DataHub", "IoT Platform", "DataWorks", "CloudFlow", "MongoDB"),
    *("RDS for MySQL", "SMQ", "HTTP/HTTPS", "Time trigger", "ActionTrail", "Cloud Config"),
    *("Threshold alarm", "System event rule", "Event subscription", "CloudMonitor 2.0"),
    *("Alertmanager", "Prometheus", "Grafana", "ARMS", "alert rule"),
)


def what_becomes_of(message: Message) -> str:
    """As the table writes it; of a rejection the rule and the sentence."""
    try:
        parsed = parse_message(message)
    except RejectedEvent as error:
        return f"rejected: {error.rule}, {error}"
    if isinstance(parsed, Ignored):
        return f"ignored: {parsed.value}"
    if isinstance(parsed, Alarm) and parsed.exact_names:  # not by a rule that names only others
        outcome = request_of_match(Match(None, parsed), Policy({}, (), 900))
        assert isinstance(outcome, Outcome) and outcome.ignored
        return f"ignored: {outcome.ignored.value}"
    return "acts"


def written(behaviour: str) -> str:
    """What the table says, as `what_becomes_of` begins."""
    if found := REJECTED.match(behaviour):
        return f"rejected: {found[1]}, {found[2]}"
    found = IGNORED.match(behaviour)
    return f"ignored: {found[1]}" if found else behaviour.partition(":")[0].partition(",")[0]


@pytest.mark.parametrize(("sender", "behaviour", "sample"), SENDERS)
def test_a_sender_is_treated_as_the_table_says(sender: str, behaviour: str, sample: str) -> None:
    if not sample.strip():
        assert behaviour.startswith("no event"), sender
        return
    messages = parse_event((ROOT / "events" / sample.strip()).read_bytes()).messages

    assert len(messages) > 0
    for message in messages:
        assert what_becomes_of(message).startswith(written(behaviour))


@pytest.mark.parametrize("name", LISTED)
def test_the_table_has_what_the_vendors_documents_list(name: str) -> None:
    assert any(name in sender for sender, _, _ in SENDERS)


def test_a_rejection_in_the_table_has_its_rule_and_sentence() -> None:
    for _, behaviour, _ in SENDERS:
        assert not behaviour.startswith("rejected") or REJECTED.fullmatch(behaviour.strip())
