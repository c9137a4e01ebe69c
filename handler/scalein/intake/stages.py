"""What a system event tells by itself: its stage, and whether it only reports an instance's state.

Names, stages and contents are those of ECS's pages of system events. They name more over time, so
what is not known here counts as what does not act.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scalein.intake.subject import ABSENT

Fields = Mapping[str, Any]

# The event is still to come or goes on. Of a failure, Executing is the first notice.
OPEN_STAGES = ("Inquiring", "Scheduled", "Executing", "started")
# It is over, or will not happen. In small letters: results of operations, not stages of ECS.
OVER_STAGES = (
    *("Executed", "Avoided", "Canceled", "Failed", "Finished"),
    *("accomplished", "completed", "succeeded", "recovered"),
)
# ECS's own API writes Avoidated once.
OTHER_SPELLINGS = {"avoidated": "Avoided", "cancelled": "Canceled", "success": "succeeded"}
STAGE_BY_WORD = {stage.lower(): stage for stage in (*OPEN_STAGES, *OVER_STAGES)} | OTHER_SPELLINGS
# At the end of a name that has it in another way: EventBridge's names lose colons.
OVER_WORD = re.compile(
    r"(executed|avoid(?:at)?ed|cancell?ed|failed|accomplished)[\W_]*$", re.IGNORECASE
)
NO_STAGE = (*ABSENT, "Normal")  # Normal: a notice, which has no stages
UNKNOWN = "unknown"  # stands for the stage of an event whose content cannot be read
MAX_CHARACTERS = 64  # of a stage

NOT_IN_WORDS = re.compile(r"[\W_]+")
# Each removal causes such events: the instance's states, its agent's last heartbeat, and the first
# of its replacement; the calls of ESS, as ActionTrail and Config see them.
STATE_REPORT = re.compile(
    r"stat(?:e|us)chang|agentstatus|heartbeat|^(?:ecs)?actiontrail|configurationitem|noncompliant"
    r"|状态[变改更]"  # as CloudMonitor's console calls it
)
# Fields that hold a state, in small letters; and states, as ECS's API has them.
STATE_FIELDS = ("state", "instancestate", "instancestatus", "currentstate")
PART_FIELDS = frozenset(
    {"eventstatus", "status", "result", "executefinishtime", "opscode", *STATE_FIELDS}
)
STATES = (
    *("pending", "created", "starting", "running", "stopping", "stopped"),
    *("deleting", "deleted", "releasing", "released", "terminated"),
)


def canonical_stage(text: str) -> str:
    """Returns a stage as this function writes it: a known one in one spelling, else as it is."""
    return STAGE_BY_WORD.get(text.lower(), text)


def needs_its_stage_named(stage: str) -> bool:
    """Whether an event in this stage is over, will not happen, or is in a stage that is not known:
    then only a rule that names the stage acts on it.
    """
    return stage not in ("", *OPEN_STAGES)


def is_name_of_state_report(name: str) -> bool:
    """Whether an event of this name reports a state of an instance that a removal may cause."""
    word = NOT_IN_WORDS.sub("", name).lower()
    return bool(STATE_REPORT.search(word)) or word.endswith(STATES)


def parts_of(*contents: Fields) -> list[Fields]:
    """Returns what the contents and the objects in them say of stage and state, with names in small
    letters. Products nest and spell them in their own ways, and what is not seen here would act.
    """
    nested = (v for fields in contents for v in fields.values() if isinstance(v, dict))
    return [
        {name.lower(): value}
        for fields in (*contents, *nested)
        for name, value in fields.items()
        if name.lower() in PART_FIELDS
    ]


def states_of(parts: Iterable[Fields]) -> list[object]:
    """Returns the states of an instance that an event reports, of parts with small names: only
    such a report has a `state` (ECS's page of instance events).
    """
    states = [part.get(name) for part in parts for name in STATE_FIELDS]
    states += [s for s in (part.get("status") for part in parts) if _text(s).lower() in STATES]
    return [state for state in states if state is not None and state not in ABSENT]


def is_state_report(names: Iterable[str], parts: Sequence[Fields]) -> bool:
    """Whether an event reports a state of an instance that a removal may cause, by any of its names
    or by its parts, with small names.
    """
    codes = (_text(part.get("opscode")) for part in parts)
    return any(map(is_name_of_state_report, (*names, *codes))) or bool(states_of(parts))


def stage_of(names: Sequence[str], parts: Sequence[Fields]) -> str:
    """Returns the stage of an event, or "" if it has none: of what a removal can rely on least.
    `parts` have small names, the content first.

    The content comes first: in ECS's own samples the name lags behind it, Scheduled where the
    event was avoided, Executing where executeFinishTime has the end. But a stage that is over
    outranks one that is not, wherever it stands.
    """
    stages = [
        *(_stage(part.get("eventstatus")) for part in parts),
        *(_stage(name.split(":", 3)[2]) for name in names if name.count(":") > 1),
        *_known_stages(word[1] for word in map(OVER_WORD.search, names) if word),
        *_known_stages(part.get(field) for part in parts for field in ("status", "result")),
    ]
    stages = [stage for stage in stages if stage]
    over = next(filter(needs_its_stage_named, stages), "")
    if not over and any(_is_finished(part) for part in parts):
        return "Executed"
    return over or (stages[0] if stages else "")


def base_name(name: str) -> str:
    """Returns the name of an event without its stage; older pages name it so."""
    return ":".join(name.split(":", 2)[:2])


def _stage(value: object) -> str:
    if value is None or value in NO_STAGE:
        return ""
    text = _text(value).strip()[:MAX_CHARACTERS]
    return canonical_stage(text) if text else UNKNOWN


def _known_stages(values: Iterable[object]) -> list[str]:
    """Other products have states of their own in fields of these names."""
    return [STAGE_BY_WORD.get(_text(value).lower(), "") for value in values]


def _is_finished(part: Fields) -> bool:
    return part.get("executefinishtime") not in (None, *ABSENT)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
