"""The policy that decides now: of a setting, or of a file that may change at any time.

A file on a mount (OSS) is cached by the platform for up to 15 minutes, and its time and size may
say nothing. So each invocation reads the file and compares its bytes with those read before.
A new document is used only if it is correct; else the last good one stays in use, with a warning.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from scalein.errors import ConfigurationError
from scalein.policy import Policy, content_of, parse_policy

FINGERPRINT_CHARACTERS = 12  # of the SHA-256 of the document, as sha256sum shows it


class PolicyInUse(NamedTuple):
    """A policy that decides. `warning`: why a newer document is not in use; empty if none is."""

    policy: Policy
    fingerprint: str  # the beginning of the SHA-256 of its document
    warning: str = ""


class PolicyFile:
    """A policy file as this process last read it. Threads may share one."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._last: tuple[bytes, PolicyInUse] | None = None  # what it had; the policy since

    def policy_in_use(self) -> PolicyInUse:
        """Reads the file and returns the policy of it, or the last good one with a warning.

        Raises ConfigurationError while this process has never read a good one.
        """
        last = self._last
        try:
            content = content_of(self._path)
        except ConfigurationError as error:
            if last is None:
                raise
            # Not remembered: the same file may be readable again at the next invocation.
            return _still_in_use(last[1], error)
        if last is None or content != last[0]:
            last = self._last = (content, self._after(content, last and last[1]))
        return last[1]

    def _after(self, content: bytes, before: PolicyInUse | None) -> PolicyInUse:
        """The policy in use after this content was read."""
        try:
            return _in_use(content, f"policy {self._path}")
        except ConfigurationError as error:
            if before is None:
                raise
            return _still_in_use(before, error)


@lru_cache(maxsize=1)
def policy_file(path: str) -> PolicyFile:
    """Returns the file as this process last read it, in any invocation."""
    return PolicyFile(path)


def policy_in_use(text: str, file: str) -> PolicyInUse:
    """Returns the policy of a text; if that is empty, of a file, which is read each time.

    Raises ConfigurationError, with path and rule.
    """
    return _policy_of_text(text) if text else policy_file(file).policy_in_use()


@lru_cache(maxsize=1)
def _policy_of_text(text: str) -> PolicyInUse:
    return _in_use(text.encode(), "SCALEIN_POLICY")


def _in_use(content: bytes, name: str) -> PolicyInUse:
    fingerprint = sha256(content).hexdigest()[:FINGERPRINT_CHARACTERS]
    return PolicyInUse(parse_policy(content, name), fingerprint)


def _still_in_use(before: PolicyInUse, error: ConfigurationError) -> PolicyInUse:
    """The policy in use before, with the reason why it stays in use."""
    warning = (
        f"The policy read before ({before.fingerprint}) still decides. Correct the new one: {error}"
    )
    return before._replace(warning=warning)
