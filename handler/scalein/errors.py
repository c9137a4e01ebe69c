"""The errors of this package, grouped by what the caller should do.

ScaleInError
├── ConfigurationError     fix the deployment; no event can succeed     raised by every invocation
├── RejectedEvent          drop it: the same bytes fail again           outcome "rejected"
└── GatewayError           an ESS call did not succeed: action, code, request id
    ├── Refused            asking again will not help                   outcome "refused"
    ├── StaleSnapshot      the group changed since it was read          read again, plan again
    ├── TokenUsed          the ClientToken came before, with other ids  the history shows its result
    ├── TryLater           the same request may succeed later           outcome "retry"
    │   ├── Paused         not sent: its last calls failed              outcome "retry"
    │   └── Transient      ... and may succeed at once: 5xx, throttled  outcome "retry"
    └── OutcomeUnknown     no answer: it may have happened              "retry", same ClientToken

LedgerUnavailable never leaves processing: the policy says whether to go on without the ledger.

No error text ever holds an event, a credential, a token or a URL.
"""

from __future__ import annotations


class ScaleInError(Exception):
    """The base of all errors that this package raises on purpose."""

    retry_after_seconds = 0.0  # when the next attempt may succeed, if that is known


class ConfigurationError(ScaleInError):
    """The deployment is wrong: settings, policy, role, credentials."""

    misconnection: tuple[str, str] | None = None  # why none can connect, the endpoint's setting


class RejectedEvent(ScaleInError):
    """A message is wrong at `path` (JSON path): it breaks `rule`, a keyword of JSON Schema or a
    rule of this package. The text says what is expected and never repeats a value of the message.
    """

    def __init__(self, path: str, rule: str, sentence: str) -> None:
        super().__init__(sentence)
        self.path = path
        self.rule = rule


SERVICE_BY_ACTION = {
    "DescribeMetricLast": "CloudMonitor",
    "InvokeFunction": "Function Compute",
}


def service_of(action: str) -> str:
    """The cloud service that has this action."""
    return SERVICE_BY_ACTION.get(action, "ESS")


class GatewayError(ScaleInError):
    """A call to ESS, or to another cloud service, did not succeed. `code` is the service's or the
    SDK's own error code.
    """

    def __init__(
        self, action: str, code: str, sentence: str, ess_request_id: str | None = None
    ) -> None:
        trace = f" ({service_of(action)} request id {ess_request_id})" if ess_request_id else ""
        super().__init__(f"{action}: {code}: {sentence}{trace}")
        self.action = action
        self.code = code
        self.ess_request_id = ess_request_id


class Refused(GatewayError):
    """ESS refuses this call each time. `is_by_state`: because of the group's present state, which
    an earlier delivery of the same message may have caused by its success.
    """

    def __init__(
        self,
        action: str,
        code: str,
        sentence: str,
        ess_request_id: str | None = None,
        is_by_state: bool = False,
    ) -> None:
        super().__init__(action, code, sentence, ess_request_id)
        self.is_by_state = is_by_state


class StaleSnapshot(GatewayError):
    """ESS refused the call because the group has changed since it was read."""


class TokenUsed(GatewayError):
    """This ClientToken was sent before, with other parameters."""


class TryLater(GatewayError):
    """The call cannot succeed now: an activity runs, the service is down, no time is left."""


class Paused(TryLater):
    """The call was not sent, for the last calls of this action failed (`cloud.breaker`)."""


class Transient(TryLater):
    """The call failed for the moment. `may_have_happened` is False if it surely had no effect."""

    def __init__(
        self,
        action: str,
        code: str,
        sentence: str,
        ess_request_id: str | None = None,
        may_have_happened: bool = True,
    ) -> None:
        super().__init__(action, code, sentence, ess_request_id)
        self.may_have_happened = may_have_happened


class OutcomeUnknown(GatewayError):
    """A removal was sent and no answer came; only the same ClientToken makes repeating it safe."""


class LedgerUnavailable(ScaleInError):
    """The ledger did not answer in time, or cannot write. The text holds no key, value or URL."""
