"""Checks that a call may be made, as the cloud's gateway does: key, time, signature, token."""

from __future__ import annotations

import hmac
import re
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from localcloud import acs3, errors, signature_v1
from localcloud.identities import Identities
from localcloud.wire import Incoming, Params

CREDENTIAL = re.compile("Credential=([^,]+)")
MAX_SKEW = timedelta(minutes=15)


class _Key(NamedTuple):
    """Another account's key."""

    secret: str
    account_id: str


class Authenticator:
    """Knows the access keys, and the nonces that were used lately.

    The first key is the local cloud's own; `add_key` adds those of other accounts.
    """

    def __init__(
        self, access_key_id: str, access_key_secret: str, security_token: str = ""
    ) -> None:
        self.access_key_id = access_key_id
        self.access_key_secret = access_key_secret
        self.security_token = security_token  # empty: any token passes, and none need be sent
        self.expired_security_token = ""  # one that was valid once
        # By their hash: there are many, and they are stored for half an hour.
        self._used_at_by_nonce: dict[int, datetime] = {}
        self._others: dict[str, _Key] = {}
        self.identities = Identities()

    def add_key(self, access_key_id: str, secret: str, account_id: str) -> None:
        """Accepts another account's key, of which calls are for that account."""
        self._others[access_key_id] = _Key(secret, account_id)

    def account_of(self, incoming: Incoming, params: Params, home: str) -> str:
        """Returns the account whose key signed a call that was checked; `home`: of the own key."""
        other = self._others.get(access_key_id(incoming, params))
        return other.account_id if other else home

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
        secret = self.secret_of(params["AccessKeyId"])
        # The ESS manual's sample spells it TimeStamp.
        check_time(_parsed(params.get("Timestamp") or params.get("TimeStamp")), now)
        text = signature_v1.string_to_sign(method, params)
        algorithm = params.get("SignatureMethod") or "HMAC-SHA1"
        if algorithm not in signature_v1.DIGESTS:
            raise errors.SignatureMethod()
        expected = signature_v1.signature(secret, text, algorithm)
        if not hmac.compare_digest(params["Signature"].encode(), expected.encode()):
            raise errors.SignatureDoesNotMatch(text)
        self.check_token(params.get("SecurityToken"), params["AccessKeyId"])
        self._check_nonce(params["SignatureNonce"], now)

    def _check_headers(self, incoming: Incoming, params: Params, now: datetime) -> None:
        _require(params, "Action", "Version")
        authorization = acs3.parse_authorization(incoming.headers)
        secret = self.secret_of(authorization.access_key_id)
        check_time(_parsed(incoming.headers.get("x-acs-date")), now)
        text = acs3.string_to_sign(incoming, authorization.signed_headers)
        if acs3.unsigned_headers(incoming.headers, authorization.signed_headers):
            raise errors.SignatureDoesNotMatch(text)
        expected = acs3.signature(secret, text)
        if not hmac.compare_digest(authorization.signature.encode(), expected.encode()):
            raise errors.SignatureDoesNotMatch(text)
        token = incoming.headers.get("x-acs-security-token")
        self.check_token(token, authorization.access_key_id)
        nonce = incoming.headers.get("x-acs-signature-nonce")
        if not nonce:
            raise errors.GatewayMissing("SignatureNonce")
        self._check_nonce(nonce, now)

    def secret_of(self, access_key_id: str) -> str:
        """Returns the secret of a key. Raises ApiError for a key of no account."""
        if access_key_id in self._others:
            return self._others[access_key_id].secret
        self.check_key(access_key_id)
        return self.access_key_secret

    def check_key(self, access_key_id: str) -> None:
        """Raises ApiError for another key than this cloud's."""
        if access_key_id != self.access_key_id:
            raise errors.AccessKeyNotFound()

    def check_token(self, token: str | None, key_id: str = "") -> None:
        """Raises ApiError for a token that is wrong, missing, or expired.

        That of a session's key is checked by the cloud; another account's own key has none.
        """
        if key_id in self._others:
            if token and key_id not in self.identities.sessions:
                raise errors.SecurityTokenMismatch()
            return
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


def access_key_id(incoming: Incoming, params: Params) -> str:
    """Returns the id of the key that signed a call, of either signature. Raises ApiError."""
    if incoming.is_acs3:
        return acs3.parse_authorization(incoming.headers).access_key_id
    return params.get("AccessKeyId", "")


def _require(params: Params, *names: str) -> None:
    for name in names:
        if not params.get(name):
            raise errors.GatewayMissing(name)


def _parsed(text: str | None) -> datetime:
    """Returns the time of a request. Raises ApiError."""
    if not text:
        raise errors.GatewayMissing("Timestamp")
    try:
        # Some clients send milliseconds, as their language writes a time in ISO 8601.
        whole_seconds = re.sub(r"\.\d{1,9}Z$", "Z", text)
        return datetime.strptime(whole_seconds, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise errors.TimeStampFormat() from error


def check_time(sent_at: datetime, now: datetime) -> None:
    """Raises ApiError for a request that was signed too long ago, or ahead."""
    if abs(now - sent_at) > MAX_SKEW:
        raise errors.TimeStampExpired()


def time_of(header: str) -> datetime:
    """Returns the time in a Date header. Raises TypeError, ValueError."""
    try:
        return parsedate_to_datetime(header)
    except OverflowError as error:  # the year has too many digits
        raise ValueError("no such year") from error
