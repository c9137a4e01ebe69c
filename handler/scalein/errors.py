"""The errors of this package, grouped by what the caller should do.

ScaleInError
├── ConfigurationError     fix the deployment; no event can succeed       raised: every invocation shows it
├── RejectedEvent          drop it: the same bytes fail again             outcome "rejected"
└── GatewayError           ESS or the way to it: action, code, request id
    ├── Refused            asking again will not help                     outcome "refused"
    │   └── StateRefused   ... while the group is in this state           as above, once no call can be in flight
    ├── StaleSnapshot      the group changed since it was read            read again, plan again
    ├── TokenUsed          the ClientToken came before, with other ids    the history tells what came of it
    ├── TryLater           the same request may succeed later             outcome "try-later"
    │   └── Transient      ... and may succeed at once: 5xx, no connection
    │       └── Throttled  ... and certainly did not happen
    └── OutcomeUnknown     no answer: it may have happened                outcome "try-later"; same ClientToken

LedgerGone is the ledger's own: it is caught where the policy says whether to go on without it.

No error text ever holds an event, a credential, a token or a URL.
"""

from __future__ import annotations


class ScaleInError(Exception):
    """The base of all errors that this package raises on purpose."""


class ConfigurationError(ScaleInError):
    """The deployment is wrong: settings, policy, role, credentials."""


class RejectedEvent(ScaleInError):
    """A message is wrong at `path` (JSON path): it breaks `rule`, a keyword of JSON Schema or a
    rule of this package. The text says what is expected and never repeats a value of the message.
    """

    def __init__(self, path: str, rule: str, sentence: str) -> None:
        super().__init__(sentence)
        self.path = path
        self.rule = rule


class GatewayError(ScaleInError):
    """An ESS call did not do what it was asked. `code` is ESS's or the SDK's own error code."""

    def __init__(
        self, action: str, code: str, sentence: str, ess_request_id: str | None = None
    ) -> None:
        trace = f" (ESS request id {ess_request_id})" if ess_request_id else ""
        super().__init__(f"{action}: {code}: {sentence}{trace}")
        self.action = action
        self.code = code
        self.ess_request_id = ess_request_id


class Refused(GatewayError):
    """ESS will not do this, however often it is asked."""


class StateRefused(Refused):
    """The group's state forbids it, which may be the echo of an earlier delivery's success."""


class StaleSnapshot(GatewayError):
    """ESS refused because the group is no longer what was read."""


class TokenUsed(GatewayError):
    """This ClientToken was sent before, with other parameters."""


class TryLater(GatewayError):
    """ESS cannot do this now: an activity runs, it is throttled, it is down."""


class Transient(TryLater):
    """Gone in a moment, as a rule. `may_have_happened` is False only if the call certainly had no effect."""

    may_have_happened = True


class Throttled(Transient):
    """Denied before it was looked at."""

    may_have_happened = False


class OutcomeUnknown(GatewayError):
    """A removal was sent and no answer came; only the same ClientToken makes repeating safe."""


class LedgerUnavailable(ScaleInError):
    """The ledger did not answer in time."""
