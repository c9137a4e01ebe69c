"""The error of every command."""

from __future__ import annotations

import click


class CommandError(click.ClickException):
    """The command cannot go on. Its text says what happened, why, and what to do."""

    def __init__(self, message: str, exit_status: int = 1) -> None:
        super().__init__(message)
        self.exit_code: int = exit_status  # type: ignore[misc]  # click declares it for the class


class ChangedMeanwhile(CommandError):
    """Something is no longer what the command read, or what a person was shown."""

    def __init__(self, subject: str) -> None:
        super().__init__(f"{subject} was changed meanwhile, by another command.")


class UnreachedError(CommandError):
    """A service does not answer at all."""


class MisconnectedError(UnreachedError):
    """No call can reach the service: a certificate does not verify, or HTTPS is set up wrongly."""
