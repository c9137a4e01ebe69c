"""Errors of Simple Log Service."""

from __future__ import annotations


class LogError(Exception):
    """An error answer: HTTP status, errorCode, errorMessage."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code
