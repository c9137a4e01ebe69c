"""The error of every command."""

from __future__ import annotations

from typing import IO, Any

import click
from rich.console import Console

from scalein_cli.lines import say


class CommandError(click.ClickException):
    """The command cannot go on. Its text says what happened, why, and what to do."""

    def __init__(self, message: str, exit_status: int = 1) -> None:
        super().__init__(message)
        self.exit_code: int = exit_status  # type: ignore[misc]  # click declares it for the class

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints the text on standard error, or to the file; a terminal gets whole words."""
        say(Console(stderr=file is None, file=file), f"Error: {self.format_message()}")


class ChangedMeanwhile(CommandError):
    """Something is no longer what the command read, or what a person was shown."""

    def __init__(self, subject: str) -> None:
        super().__init__(f"{subject} was changed meanwhile, by another command.")


class UnreachedError(CommandError):
    """A service does not answer at all."""


class MisconnectedError(UnreachedError):
    """No call can reach the service: a certificate does not verify, or HTTPS is set up wrongly."""
