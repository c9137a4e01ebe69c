"""Sends calls through the core of the ESS SDK, within the time of one invocation.

The SDK retries nothing for ESS and speaks plain HTTP unless it is configured, so this module sets
both. The SDK signs and sends; this module reads the answer itself, for the SDK fails in many ways
at an unexpected one.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from scalein.cloud.error_codes import error_of, error_without_code, is_label, scaling_group_arn
from scalein.cloud.fields import Reply
from scalein.cloud.parallel import MAX_CONNECTIONS, Costs
from scalein.cloud.replies import DATE
from scalein.cloud.retries import Attempts, Retries, retry_after_seconds
from scalein.cloud.transport import MAX_ANSWER_BYTES, BoundedAdapter, TransportError
from scalein.cold_start import cheap_imports, defer_unused_by_sdk
from scalein.errors import ConfigurationError, GatewayError, ScaleInError, Transient
from scalein.settings import Credentials, Settings
from scalein.timing import CallTimer

with cheap_imports():
    defer_unused_by_sdk()
    from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException
    from aliyunsdkcore.client import AcsClient
    from aliyunsdkcore.request import CommonRequest
    from aliyunsdkcore.vendored.requests import PreparedRequest, Session
    from aliyunsdkcore.vendored.requests.adapters import HTTPAdapter
    from aliyunsdkcore.vendored.requests.packages.urllib3 import Timeout
    from aliyunsdkcore.vendored.requests.packages.urllib3.exceptions import HTTPError
    from aliyunsdkcore.vendored.requests.utils import should_bypass_proxies

# The SDK logs request URLs, the string to sign, and answers, tokens included. A person who debugs
# may set a lower level again, so filters drop the records as well; loggers of modules that are
# imported later reach the SDK's own logger only.
logging.getLogger("aliyunsdkcore").propagate = False
logging.getLogger("aliyunsdkcore").setLevel(logging.CRITICAL + 1)  # so that no record is made
for name in [name for name in logging.root.manager.loggerDict if name.startswith("aliyunsdkcore.")]:
    logging.getLogger(name).addFilter(lambda record: False)  # noqa: ARG005 (drops each record)

# The SDK takes HTTP_PROXY for loopback too, unless it is given a proxy table.
NO_PROXY = {"no-scheme": ""}
MAX_VALUES = 100_000  # of one answer; an empty list of 2 bytes takes 64 bytes of memory
# Of an answer that is not ASCII: one wide character makes each of its characters take 4 bytes.
MAX_WIDE_BYTES = MAX_ANSWER_BYTES // 4


class Transport(BoundedAdapter, HTTPAdapter):  # type: ignore[misc]
    """Has the SDK return each answer as it came: the SDK does not examine one of status 200.

    The content is (status, Date header, how long the server says to wait, body).
    """

    timeout_type = Timeout
    error_type = HTTPError

    def send(self, request: Any, **options: Any) -> Any:
        # The SDK takes HTTPS_PROXY from the environment, and leaves NO_PROXY out.
        if options.get("proxies") and should_bypass_proxies(request.url, None):
            options["proxies"] = {}
        response = super().send(request, **options)
        date = response.headers.get("Date") or ""
        wait_seconds = retry_after_seconds(response.headers)
        response._content = (response.status_code, date, wait_seconds, response.content)
        response.status_code = 200
        return response


class ApiSession(Session):  # type: ignore[misc]
    """A session for calls of an API, which have no cookies, no password in a file .netrc, no hooks
    and no redirects: to look for them takes an eighth of a call.
    """

    def prepare_request(self, request: Any) -> Any:
        prepared = PreparedRequest()
        prepared.prepare_method(request.method)
        prepared.prepare_url(request.url, None)
        prepared.prepare_headers({**self.headers, **request.headers})
        prepared.prepare_body(request.data, None)
        return prepared

    def send(self, request: Any, **options: Any) -> Any:
        del options["allow_redirects"]
        return self.get_adapter(request.url).send(request, **options)


class Sdk:
    """Sends the calls of one invocation; threads may call."""

    def __init__(self, settings: Settings, timer: CallTimer, retries: Retries) -> None:
        is_plain = settings.ess_endpoint is not None and not settings.ess_endpoint.secure
        self._client = client(settings.credentials, settings.region_id, is_plain)
        self.costs: Costs = self._client.session.get_adapter("https://").costs
        self._settings = settings
        self._retries = retries
        self._timer = timer
        self._route_by_product = {
            "Ess": (settings.ess_endpoint, settings.ess_network, "SCALEIN_ESS_ENDPOINT"),
            "Cms": (settings.cms_endpoint, "public", "SCALEIN_CMS_ENDPOINT"),
        }

    def read(self, new_request: Callable[[], Any]) -> Reply:
        """Makes a call that changes nothing; tries again as the retries allow. Raises as `call`
        does, and Paused.
        """
        request = new_request()
        attempts = self.attempts(request.get_action_name())
        while True:
            try:
                reply = self.call(request)
            except Transient as error:
                if not attempts.wait_to_repeat(error):
                    raise
            except GatewayError as error:
                attempts.record_answer(error)
                raise
            else:
                attempts.record_answer()
                return reply
            request = new_request()

    def attempts(self, action: str) -> Attempts:
        """Returns the attempts of a call that begins now. Raises Paused."""
        return Attempts(action, self._retries)

    def call(self, request: Any, scaling_group_id: str = "") -> Reply:
        """Sends one request, at most once. `scaling_group_id`: the group that it changes.

        Raises GatewayError, ConfigurationError.
        """
        action = request.get_action_name()
        endpoint_setting = self._prepare(request, action)
        try:
            with self._timer.call(action):
                status, date, wait_seconds, body = self._client.do_action_with_exception(request)
        except (ClientException, ServerException) as error:
            # Not quoted: its text may hold a string to sign.
            raise error_of(action, str(error.get_error_code()), None) from None
        except (TransportError, ValueError) as error:
            raise _transport_error(action, error, endpoint_setting) from None
        arn = self._arn(scaling_group_id)
        return _reply_of(action, status, date, wait_seconds, body, arn)

    def _arn(self, scaling_group_id: str) -> str:
        if not scaling_group_id:
            return ""
        settings = self._settings
        return scaling_group_arn(settings.region_id, settings.account_id, scaling_group_id)

    def _prepare(self, request: Any, action: str) -> str:
        """Gives the request its endpoint, timeouts and token; returns the endpoint's setting."""
        settings, max_seconds = self._settings, self._retries.call_seconds(action)
        endpoint, network, endpoint_setting = self._route_by_product[request.get_product()]
        request.request_network = network
        request.set_protocol_type("https")
        if endpoint is not None:
            request.set_endpoint(endpoint.host)
            request.set_protocol_type("https" if endpoint.secure else "http")
        request.set_connect_timeout(min(settings.connect_timeout_seconds, max_seconds))
        request.set_read_timeout(min(settings.read_timeout_seconds, max_seconds))
        if settings.credentials.security_token:
            # As the SDK's own STS signer does, but that one prefers ALIYUN_* environment variables.
            request.add_query_param("SecurityToken", settings.credentials.security_token)
        return endpoint_setting


def _transport_error(
    action: str, error: TransportError | ValueError, endpoint_setting: str
) -> Transient | ConfigurationError:
    if isinstance(error, TransportError) and error.code == "TooLarge":
        return Transient(action, error.code, str(error))
    cause = error if isinstance(error, TransportError) else "the endpoint or proxy cannot be used"
    misconfigured = ConfigurationError(
        f"{action}: {cause}. Check {endpoint_setting}, HTTPS_PROXY, "
        "and ALIBABA_CLOUD_CA_BUNDLE (a file of certificates in PEM)."
    )
    misconfigured.misconnection = (str(cause), endpoint_setting)
    return misconfigured


def _reply_of(
    action: str, status: int, date: str, wait_seconds: float, body: bytes, arn: str
) -> Reply:
    """Returns the JSON object of an answer of status 200. Raises an error of ESS only for one that
    has a code of ESS, and Transient for every other answer.
    """
    document = parse_json(body)
    reply: Reply = document if isinstance(document, dict) else {}
    if status == 200 and isinstance(document, dict):
        return {**reply, DATE: date}
    code, ess_request_id = reply.get("Code"), reply.get("RequestId")
    error: ScaleInError = error_without_code(action, status)
    if status >= 400 and is_label(code) and is_label(ess_request_id):
        error = error_of(action, str(code), status, str(ess_request_id), arn)
    error.retry_after_seconds = wait_seconds
    raise error from None


def common_request(product: str, version: str, action: str) -> Any:
    """Returns a request of a product whose own package is not deployed."""
    request = CommonRequest(product=product, version=version, action_name=action)
    request.set_method("POST")
    return request


def parse_json(body: bytes) -> Any:
    """Returns the value of the JSON; None if it is malformed or would take too much memory."""
    if len(body) > MAX_VALUES and sum(map(body.count, (b",", b"[", b"{"))) > MAX_VALUES:
        return None
    if len(body) > MAX_WIDE_BYTES and not body.isascii():
        return None
    try:
        return json.loads(body.decode())
    except (ValueError, RecursionError):
        return None


@lru_cache(maxsize=2)
def client(credentials: Credentials, region_id: str, is_plain: bool) -> AcsClient:
    """Returns the SDK's client. It is cached by credentials: a new one costs a TLS handshake and
    3 ms.
    """
    acs_client = AcsClient(
        credentials.access_key_id,
        credentials.access_key_secret,
        region_id,
        auto_retry=False,
        proxy=NO_PROXY if is_plain else None,
    )
    acs_client.session, transport = ApiSession(), Transport(pool_maxsize=MAX_CONNECTIONS)
    for scheme in ("https://", "http://"):
        acs_client.session.mount(scheme, transport)
    return acs_client
