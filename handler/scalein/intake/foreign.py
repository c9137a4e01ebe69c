"""Events of triggers that have nothing to do with removals: what each is, and what to use instead.

They are rejected, not ignored: a trigger that was wired by mistake should show in the outcomes and
their alert. A rejection returns, so no trigger delivers its event again or blocks its stream.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from scalein.errors import RejectedEvent

RULE = "foreignTrigger"
ALARMS = "For alarms, use a CloudMonitor alarm rule with an MNS queue as its target."
EVENTS = "For events of ECS, use an EventBridge rule on them alone."
LOGS = "For alarms on logs, let an alert rule of Simple Log Service call the function."
REQUESTS = "For requests of a program, use an MNS queue trigger or InvokeFunction."
TIMES = "For removals by the clock, use a timer trigger with a removal request as its payload."


class Foreign(NamedTuple):
    """A trigger or event source of other things than removals."""

    name: str  # with its article
    instead: str  # which trigger to use


OSS = Foreign("an OSS trigger (objects of a bucket)", REQUESTS)
CDN = Foreign("a CDN trigger", ALARMS)
TABLESTORE = Foreign("a Tablestore trigger (rows of a table)", REQUESTS)
LOG = Foreign("a Simple Log Service trigger (positions in a log, not its lines)", LOGS)
LOG_LINES = Foreign("EventBridge's source for Simple Log Service (lines of a log)", LOGS)
DTS = Foreign("a DTS trigger (rows of a database)", REQUESTS)
DATAHUB = Foreign("a DataHub trigger (records of a topic)", REQUESTS)
IOT = Foreign("an IoT Platform trigger (messages of devices)", REQUESTS)
MSE = Foreign("Microservices Engine", ALARMS)
EVENT_HOUSE = Foreign("EventHouse", EVENTS)
SCHEDULE = Foreign("EventBridge's time trigger (it carries no message)", TIMES)
DESTINATION = Foreign(
    "a destination of asynchronous invocations",
    "To repeat an invocation, send its requestPayload to the function by the first trigger.",
)
API_CALLS = Foreign("ActionTrail (calls of an API)", EVENTS)
CONFIG = Foreign("Cloud Config (changes of a configuration)", EVENTS)
MONITORED = Foreign("CloudMonitor (an event of a product other than ECS and ESS)", EVENTS)
OTHER = Foreign("another product, sent by EventBridge", EVENTS)

# The type of a CloudEvent is PRODUCT:SOURCE:NAME; the second part outranks the first.
BY_SOURCE = {"ActionTrail": API_CALLS, "Config": CONFIG, "CloudMonitor": MONITORED}
BY_PRODUCT = {
    "oss": OSS,
    "cdn": CDN,
    "ots": TABLESTORE,
    "tablestore": TABLESTORE,
    "dts": DTS,
    "datahub": DATAHUB,
    "iot": IOT,
    "mse": MSE,
    "eventhouse": EVENT_HOUSE,
    **dict.fromkeys(("acs", "ebs", "rds", "slb", "alb", "vpc", "ram", "cs", "kvstore"), OTHER),
}
# The second is an alarm, but its data is not documented.
BY_TYPE = {"sls:connector": LOG_LINES, "cms:CloudMonitor:AlertWebHook": None}
# Names and nesting as on Function Compute's page of trigger event formats; that of DataHub is on
# older pages, and a rule of IoT Platform sends what its SQL selects.
BY_FIELDS = (
    (frozenset({"Version", "Records"}), TABLESTORE),
    (frozenset({"jobName", "taskId", "cursorTime"}), LOG),
    (frozenset({"__topic__", "__source__"}), LOG_LINES),
    (frozenset({"topicPartition", "operationType"}), DTS),
    (frozenset({"eventSource", "eventSourceARN", "records"}), DATAHUB),
    (frozenset({"productKey", "deviceName"}), IOT),
    (frozenset({"iotId"}), IOT),
    (frozenset({"requestContext", "requestPayload"}), DESTINATION),
    (frozenset({"TimeZone", "Schedule"}), SCHEDULE),
)
BY_EVENT_SOURCE = {"acs:oss": OSS, "cdn": CDN, "acs:cdn": CDN}  # of {"events": [{...}]}
FIRST_OF_CBOR_MAPS = range(0xA0, 0xC0)  # no text in UTF-8 begins with one of these
CBOR_NAMES = (b"Version", b"Records", b"Sync-v1")


def error_of(document: dict[str, Any], event_type: str) -> RejectedEvent | None:
    """Returns the error of a message of a trigger that has nothing to do with removals; None if it
    is none of those which are known.
    """
    foreign = _foreign_of_fields(document) or _foreign_of_type(event_type)
    return _error(foreign) if foreign else None


def error_of_bytes(event: bytes) -> RejectedEvent | None:
    """Returns the error of an event that is no text: Tablestore's, encoded as CBOR. None if it is
    another.
    """
    if event[:1] and event[0] in FIRST_OF_CBOR_MAPS and all(name in event for name in CBOR_NAMES):
        return _error(TABLESTORE)
    return None


def _error(foreign: Foreign) -> RejectedEvent:
    sentence = (
        f"This event is of {foreign.name}, which has nothing to do with removals."
        f" Take that trigger away from the function. {foreign.instead}"
    )
    return RejectedEvent("$", RULE, sentence)


def _foreign_of_fields(document: dict[str, Any]) -> Foreign | None:
    names = document.keys()
    for required_fields, foreign in BY_FIELDS:
        if required_fields <= names:
            return foreign
    events = document.get("events")
    first = events[0] if isinstance(events, list) and events else None
    source = first.get("eventSource") if isinstance(first, dict) else None
    return BY_EVENT_SOURCE.get(source) if isinstance(source, str) else None


def _foreign_of_type(event_type: str) -> Foreign | None:
    product, _, rest = event_type.partition(":")
    if not rest or event_type in BY_TYPE:
        return BY_TYPE.get(event_type)
    return BY_SOURCE.get(rest.partition(":")[0]) or BY_PRODUCT.get(product.partition(".")[0])
