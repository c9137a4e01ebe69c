"""Checks that a call may be made, as the cloud's gateway does: key, time, signature, token."""

from __future__ import annotations

import hmac
import re
from datetime import datetime, timedelta, timezone

from localcloud import acs3, errors, signature_v1
from localcloud.wire import Incoming, Params

CREDENTIAL = re.compile("Credential=([^,]+)")
MAX_SKEW = timedelta(minutes=15)


class Authenticator:
    """Knows one access key, and the nonces that were used lately."""

    def __init__(
        self, access_key_id: str, access_key_secret: str, security_token: str = ""
    ) -> None:
        self.access_key_id = access_key_id
        self.access_key_secret = access_key_secret
        self.security_token = security_token  # empty: any token passes, and none need be sent
        self.expired_security_token = ""  # one that was valid once
        # By their hash: there are many, and they are stored for half an hour.
        self._used_at_by_nonce: dict[int, datetime] = {}

    def check(self, incoming: Incoming, params: Params, now: datetime) -> None:
        """Raises ApiError where the gateway would refuse the call.

        `now` is real time, not the clock of activities: clients sign with theirs.
        """
        if incoming.is_acs3:
            self._check_headers(incoming, params, now)
        else:
            self._check_parameters(incoming.method, params, now)

    def _check_parameters(self, method: str, params: Params, now: datetime) -> None:
        _require(params, "Action", "Version", "AccessKeyId", "Signature", "SignatureNonce")
        self.check_key(params["AccessKeyId"])
        # The ESS manual's sample spells it TimeStamp.
        check_time(_parsed(params.get("Timestamp") or params.get("TimeStamp") or ""), now)
        text = signature_v1.string_to_sign(method, params)
        algorithm = params.get("SignatureMethod") or "HMAC-SHA1"
        if algorithm not in signature_v1.DIGESTS:
            raise errors.SignatureMethod()
        expected = signature_v1.signature(self.access_key_secret, text, algorithm)
        if not hmac.compare_digest(params["Signature"].encode(), expected.encode()):
            raise errors.SignatureDoesNotMatch(text)
        self.check_token(params.get("SecurityToken"))
        self._check_nonce(params["SignatureNonce"], now)

    def _check_headers(self, incoming: Incoming, params: Params, now: datetime) -> None:
        _require(params, "Action", "Version")
        authorization = acs3.parse_authorization(incoming.headers)
        self.check_key(authorization.access_key_id)
        check_time(_parsed(incoming.headers.get("x-acs-date", "")), now)
        text = acs3.string_to_sign(incoming, authorization.signed_headers)
        if acs3.unsigned_headers(incoming.headers, authorization.signed_headers):
            raise errors.SignatureDoesNotMatch(text)
        expected = acs3.signature(self.access_key_secret, text)
        if not hmac.compare_digest(authorization.signature.encode(), expected.encode()):
            raise errors.SignatureDoesNotMatch(text)
        self.check_token(incoming.headers.get("x-acs-security-token"))
        nonce = incoming.headers.get("x-acs-signature-nonce")
        if not nonce:
            raise errors.GatewayMissing("SignatureNonce")
        self._check_nonce(nonce, now)

    def check_key(self, access_key_id: str) -> None:
        """Raises ApiError for another key than this cloud's."""
        if access_key_id != self.access_key_id:
            raise errors.AccessKeyNotFound()

    def check_token(self, token: str | None) -> None:
        """Raises ApiError for a token that is wrong, missing, or expired."""
        if token and token == self.expired_security_token:
            raise errors.SecurityTokenExpired()
        if self.security_token and token != self.security_token:
            raise errors.SecurityTokenMalformed()

    def _check_nonce(self, nonce: str, now: datetime) -> None:
        used_at = self._used_at_by_nonce
        while used_at and now - next(iter(used_at.values())) > 2 * MAX_SKEW:
            del used_at[next(iter(used_at))]  # the oldest: from here on its time is refused
        if hash(nonce) in used_at:
            raise errors.SignatureNonceUsed()
        used_at[hash(nonce)] = now


def caller_of(incoming: Incoming, params: Params) -> str:
    """Returns the access key id that the call names, right or wrong; "" where it names none."""
    match = CREDENTIAL.search(incoming.headers.get("authorization", ""))
    return params.get("AccessKeyId") or (match[1] if match else "")


def _require(params: Params, *names: str) -> None:
    for name in names:
        if not params.get(name):
            raise errors.GatewayMissing(name)


def _parsed(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise errors.TimeStampFormat() from error


def check_time(sent_at: datetime, now: datetime) -> None:
    """Raises ApiError for a request that was signed too long ago, or ahead."""
    if abs(now - sent_at) > MAX_SKEW:
        raise errors.TimeStampExpired()
