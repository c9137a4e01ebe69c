"""What invokes which version of a function: an alias that no trigger names gets no message."""

from __future__ import annotations

from rich.console import Console

from scalein_cli.compute import call_api
from scalein_cli.errors import CommandError
from scalein_cli.function_api import FunctionApi
from scalein_cli.shown_settings import Row

UNKNOWN = "cannot be read (fc:ListTriggers)"


def trigger_rows(function: FunctionApi) -> list[Row]:
    """A row for each trigger, which commands leave as it is."""
    try:
        triggers = call_api("triggers", function.triggers)
    except CommandError:  # a right that nothing else needs
        return [Row("triggers", UNKNOWN, UNKNOWN)]
    texts = {f"trigger {one.name}": f"{one.kind}, invokes {one.qualifier}" for one in triggers}
    return [Row(name, text, text) for name, text in texts.items()]


def warn_if_unreached(function: FunctionApi, alias_name: str, console: Console) -> None:
    """Says so if there are triggers and none invokes the alias: its moves change nothing then."""
    note = _unreached_note(function, alias_name)
    if note:
        console.print(note, highlight=False)


def _unreached_note(function: FunctionApi, alias_name: str) -> str:
    try:
        triggers = call_api("triggers", function.triggers)
    except CommandError as error:
        return f"Whether a trigger invokes alias {alias_name} is not known: {error.message}"
    if not triggers or any(trigger.qualifier == alias_name for trigger in triggers):
        return ""
    names = ", ".join(f"{trigger.name} ({trigger.qualifier})" for trigger in triggers)
    return (
        f"No trigger invokes alias {alias_name}, so no message of theirs reaches it: {names}. Set "
        "the triggers' qualifier: parameter Qualifier of the stack, qualifier in s.yaml."
    )
