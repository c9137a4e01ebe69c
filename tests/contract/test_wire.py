"""The wire: published signature vectors, both formats, and what the gateway refuses."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkess.request.v20140828.DescribeScalingGroupsRequest import DescribeScalingGroupsRequest
from aliyunsdkess.request.v20140828.RemoveInstancesRequest import RemoveInstancesRequest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud import acs3
from localcloud.answers import answer_body
from localcloud.authenticator import Authenticator
from localcloud.errors import ApiError
from localcloud.server import MAX_CALL_BYTES
from localcloud.signature_v1 import signature, string_to_sign
from localcloud.wire import ACS3, Incoming, parameters
from scalein.settings import Credentials
from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.deployment import KEY
from tests.support.sdks import NewerPython, RefusedCall


def signed(method: str = "GET", secret: str = KEY.access_key_secret, **params: str) -> str:
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    whole = {
        "Action": "DescribeScalingGroups",
        "Version": "2014-08-28",
        "RegionId": "cn-hangzhou",
        "AccessKeyId": KEY.access_key_id,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": f"{now}{sorted(params.items())}",
        "Timestamp": now,
        **params,
    }
    whole = {name: value for name, value in whole.items() if value != "-"}
    return urlencode({**whole, "Signature": signature(secret, string_to_sign(method, whole))})


def get(cloud: Cloud, query: str, form: str | None = None) -> tuple[int, str, str]:
    """Status, content type and body."""
    url = f"http://{cloud.endpoint}/?{query}"
    try:
        with urllib.request.urlopen(
            url, data=form.encode() if form is not None else None
        ) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def test_the_vector_of_the_ess_manual_holds() -> None:
    params = {
        "Action": "DescribeScalingGroups",
        "AccessKeyId": "testid",
        "Format": "xml",
        "RegionId": "cn-qingdao",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "1324fd0e-e2bb-4bb1-917c-bd6e437f1710",
        "SignatureVersion": "1.0",
        "TimeStamp": "2014-08-15T11:10:07Z",
        "Version": "2014-08-28",
    }

    assert signature("testsecret", string_to_sign("GET", params)) == "SmhZuLUnXmqxSEZ/GqyiwGqmf+M="


def test_the_vector_of_the_ecs_manual_holds() -> None:
    params = {
        "Timestamp": "2016-02-23T12:46:24Z",
        "Format": "XML",
        "AccessKeyId": "testid",
        "Action": "DescribeRegions",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
        "Version": "2014-05-26",
        "SignatureVersion": "1.0",
    }

    assert signature("testsecret", string_to_sign("GET", params)) == "OLeaidS1JvxuMvnyHOwuJ+uX5qY="


def test_json_and_xml_say_the_same() -> None:
    with cloud_of(group(*instances(2))) as cloud:
        _, json_type, as_json = get(cloud, signed(Format="JSON"))
        _, xml_type, as_xml = get(cloud, signed(Format="XML"))

    root = ET.fromstring(as_xml)
    (entry,) = json.loads(as_json)["ScalingGroups"]["ScalingGroup"]
    assert root.tag == "DescribeScalingGroupsResponse"
    assert root.findtext("ScalingGroups/ScalingGroup/ScalingGroupId") == entry["ScalingGroupId"]
    assert root.findtext("ScalingGroups/ScalingGroup/TotalCapacity") == str(entry["TotalCapacity"])
    assert ("json" in json_type, "xml" in xml_type) == (True, True)


@given(
    st.dictionaries(
        st.sampled_from(["A", "B"]), st.text("ab<&>\"' é") | st.integers() | st.booleans()
    )
)
def test_any_text_survives_xml(fields: dict[str, Any]) -> None:
    root = ET.fromstring(answer_body("Act", {"Items": {"Item": [fields, fields]}}, "ID", "XML"))
    expected = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in fields.items()}

    for item in root.findall("Items/Item"):
        assert {child.tag: child.text or "" for child in item} == expected


def test_parameters_come_in_the_query_or_in_a_form() -> None:
    with cloud_of(group()) as cloud:
        assert get(cloud, "", form=signed("POST", Format="JSON"))[0] == 200
        assert get(cloud, signed("POST", Format="JSON", SignatureNonce="n"), form="")[0] == 200


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        (lambda: signed(secret="wrong"), 400, "SignatureDoesNotMatch"),
        (lambda: signed(AccessKeyId="unknown-key"), 404, "InvalidAccessKeyId.NotFound"),
        (lambda: signed(Timestamp="2014-08-15T11:10:07Z"), 400, "InvalidTimeStamp.Expired"),
        (lambda: signed(Timestamp="yesterday"), 400, "InvalidTimeStamp.Format"),
        (lambda: signed(Version="2099-01-01"), 400, "NoSuchVersion"),
        (lambda: signed(Action="DoMagic"), 404, "InvalidApi.NotFound"),
        (lambda: signed(Format="YAML"), 400, "InvalidParameter.Format"),
        (lambda: signed(SignatureNonce="-"), 400, "MissingSignatureNonce"),
        (lambda: signed(Timestamp="-"), 400, "MissingTimestamp"),
        (lambda: signed(RegionId="-"), 400, "MissingParameter"),
        (lambda: signed(PageSize="51"), 400, "InvalidParameter"),
        (lambda: signed(PageNumber="0"), 400, "InvalidParameter"),
        (lambda: "", 400, "MissingAction"),
    ],
)
def test_the_gateway_refuses_with_the_clouds_own_codes(query: Any, status: int, code: str) -> None:
    with cloud_of(group()) as cloud:
        answered, _, body = get(cloud, query())

    assert (answered, json.loads(body)["Code"]) == (status, code)
    assert set(json.loads(body)) == {"RequestId", "HostId", "Code", "Message", "Recommend"}


@pytest.mark.parametrize(
    ("version", "product"),
    [("2015-04-01", "Sts"), ("2019-01-01", "Cms"), ("2022-02-22", "Ess"), ("1999-01-01", "Ess")],
)
def test_an_error_recommends_the_page_of_the_product_that_was_called(
    version: str, product: str
) -> None:
    with cloud_of(group()) as cloud:
        body = json.loads(get(cloud, signed(Action="DoMagic", Version=version))[2])

    assert f"?q={body['Code']}&product={product}&" in body["Recommend"]


def test_an_error_comes_in_xml_too() -> None:
    with cloud_of(group()) as cloud:
        root = ET.fromstring(get(cloud, signed(Format="XML", Action="DoMagic"))[2])

    assert (root.tag, root.findtext("Code")) == ("Error", "InvalidApi.NotFound")


def test_a_call_that_is_too_large_is_refused_unread() -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with cloud_of() as cloud, pytest.raises(urllib.error.HTTPError) as refused:
        body = b"a=" + b"x" * MAX_CALL_BYTES
        urllib.request.urlopen(urllib.request.Request(f"http://{cloud.endpoint}", body, form))

    with refused.value as answer:
        assert (answer.code, json.load(answer)["Code"]) == (413, "RequestEntityTooLarge")


def test_a_nonce_is_good_for_one_call() -> None:
    with cloud_of(group()) as cloud:
        query = signed()

        assert get(cloud, query)[0] == 200
        assert json.loads(get(cloud, query)[2])["Code"] == "SignatureNonceUsed"


def test_a_clock_fourteen_minutes_off_is_near_enough() -> None:
    behind = (datetime.now(timezone.utc) - timedelta(minutes=14)).strftime("%Y-%m-%dT%H:%M:%SZ")

    with cloud_of(group()) as cloud:
        assert get(cloud, signed(Timestamp=behind))[0] == 200


@pytest.mark.parametrize("fraction", [".5", ".123", ".123456"])
def test_a_time_stamp_may_have_fractions_of_a_second(fraction: str) -> None:
    now = datetime.now(timezone.utc).strftime(f"%Y-%m-%dT%H:%M:%S{fraction}Z")
    with cloud_of(group()) as cloud:
        assert get(cloud, signed(Timestamp=now))[0] == 200


def test_the_sdk_recognises_a_wrong_secret() -> None:
    """The SDK looks for its string to sign in the message; without a colon it would break."""
    with cloud_of(group()) as cloud, pytest.raises(ServerException) as caught:
        cloud.send(DescribeScalingGroupsRequest(), Credentials("test-key", "wrong"))

    assert caught.value.get_error_code() == "InvalidAccessKeySecret"


def test_where_a_token_is_demanded_only_that_token_passes() -> None:
    with cloud_of(group(), token="sts-1") as cloud:
        assert (
            cloud.send(DescribeScalingGroupsRequest(), KEY._replace(security_token="sts-1"))[
                "TotalCount"
            ]
            == 1
        )
        for token in ("", "sts-2"):
            with pytest.raises(ServerException) as caught:
                cloud.send(DescribeScalingGroupsRequest(), KEY._replace(security_token=token))
            assert caught.value.get_error_code() == "InvalidSecurityToken.Malformed"


def test_a_fault_of_the_local_cloud_itself_is_an_internal_error_and_shows_its_trace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with cloud_of(group()) as cloud:
        cloud.inside.service.groups["asg-1"].instances = {"i-1": None}  # type: ignore[assignment]
        status, _, body = get(cloud, signed())

    assert (status, json.loads(body)["Code"]) == (500, "InternalError")
    assert "Traceback" in capsys.readouterr().err


def test_hmac_sha256_is_as_good_where_a_client_asks_for_it() -> None:
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    params = {
        "Action": "DescribeScalingGroups",
        "Version": "2014-08-28",
        "RegionId": "cn-hangzhou",
        "AccessKeyId": KEY.access_key_id,
        "SignatureNonce": "n-256",
        "Timestamp": now,
    }
    with cloud_of(group()) as cloud:
        for method, status in (("HMAC-SHA256", 200), ("HMAC-MD5", 400)):
            whole = {**params, "SignatureMethod": method, "SignatureNonce": method}
            text = string_to_sign("GET", whole)
            made = signature(KEY.access_key_secret, text, "HMAC-SHA256")
            assert get(cloud, urlencode({**whole, "Signature": made}))[0] == status


def test_what_is_not_there_is_never_an_invented_success() -> None:
    with cloud_of(group()) as cloud:
        status, _, body = get(cloud, signed(Action="RebalanceInstances", ScalingGroupId="asg-1"))

    assert (status, json.loads(body)["Code"]) == (400, "UnsupportedOperation")
    assert "README" in json.loads(body)["Message"]


@pytest.mark.parametrize(
    "action", ["DescribeScalingGroups", "DescribeScalingInstances", "DescribeScalingActivities"]
)
@given(
    members=st.integers(0, 3),
    removed=st.integers(0, 2),
    newer=st.booleans(),
    name=st.text("ab<&>\"'é-", max_size=8),
)
@settings(max_examples=12)
def test_xml_says_what_json_says(
    action: str, members: int, removed: int, newer: bool, name: str
) -> None:
    """Of both versions, whatever the state."""
    states = (
        [instance | {"instanceType": name} for instance in instances(members)]
        if name
        else instances(members)
    )
    with cloud_of(group(*states, name=name), activitySeconds=1) as cloud:
        for id in list(cloud.states())[:removed]:
            cloud.send(removal(id))
            cloud.clock.advance(1)
        parameters_by_name = {
            "Action": action,
            "Version": "2022-02-22" if newer else "2014-08-28",
            "ScalingGroupId": "asg-1",
        }
        if action == "DescribeScalingGroups":
            del parameters_by_name["ScalingGroupId"]
        as_json = json.loads(get(cloud, signed(**parameters_by_name, Format="JSON"))[2])
        root = ET.fromstring(get(cloud, signed(**parameters_by_name, Format="XML"))[2])

    as_json.pop("RequestId")
    assert {child.tag for child in root} - {"RequestId"} <= as_json.keys()
    assert_same(root, as_json)


def removal(id: str) -> RemoveInstancesRequest:
    request = RemoveInstancesRequest()
    request.set_ScalingGroupId("asg-1")
    request.set_InstanceIds([id])
    return request


def assert_same(element: ET.Element, value: Any) -> None:
    """A list is its element repeated; an empty one is none at all."""
    if isinstance(value, dict):
        for name, inner in value.items():
            found = element.findall(name)
            if isinstance(inner, list):
                assert len(found) == len(inner)
                for one, item in zip(found, inner, strict=True):
                    assert_same(one, item)
            else:
                assert len(found) == 1
                assert_same(found[0], inner)
    else:
        assert (element.text or "") == (
            str(value).lower() if isinstance(value, bool) else str(value)
        )


def test_the_newer_signature_is_refused_where_anything_of_it_is_wrong() -> None:
    with cloud_of(group(), token="sts-1") as cloud:
        good = NewerPython(cloud.endpoint, "sts-1").call("DescribeScalingGroups")
        assert not isinstance(good, RefusedCall)
        assert good["TotalCount"] == 1
        wrong = NewerPython(cloud.endpoint, "sts-2").call("DescribeScalingGroups")
        assert wrong == RefusedCall(400, "InvalidSecurityToken.Malformed")


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("query", "SignatureDoesNotMatch"),
        ("body", "SignatureDoesNotMatch"),
        ("x-acs-date", "SignatureDoesNotMatch"),
        ("unknown-key", "InvalidAccessKeyId.NotFound"),
        ("stale", "InvalidTimeStamp.Expired"),
        ("nonce", "MissingSignatureNonce"),
        ("x-acs-security-token", "SignatureDoesNotMatch"),  # not signed
        ("", ""),
    ],
)
def test_acs3_signs_query_body_and_headers(part: str, code: str) -> None:
    now = datetime.now(timezone.utc) - timedelta(minutes=20 if part == "stale" else 0)
    headers = {
        "host": "ess",
        "x-acs-action": "DescribeScalingGroups",
        "x-acs-version": "2022-02-22",
        "x-acs-date": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": "n-1",
    }
    if part == "nonce":
        del headers["x-acs-signature-nonce"]
    signed_headers = tuple(sorted(headers))
    incoming = Incoming("POST", "/", "RegionId=cn-hangzhou", headers, b"PageSize=10")
    made = acs3.signature(KEY.access_key_secret, acs3.string_to_sign(incoming, signed_headers))
    key = "unknown-key" if part == "unknown-key" else KEY.access_key_id
    authorization = (
        f"{ACS3} Credential={key},SignedHeaders={';'.join(signed_headers)},Signature={made}"
    )
    sent = incoming._replace(headers={**headers, "authorization": authorization})
    if part == "query":
        sent = sent._replace(query="RegionId=cn-beijing")
    if part == "body":
        sent = sent._replace(body=b"PageSize=11")
    if part == "x-acs-date":
        moment = (now - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        sent = sent._replace(headers={**sent.headers, "x-acs-date": moment})
    if part == "x-acs-security-token":
        sent = sent._replace(headers={**sent.headers, part: "token"})
    gate = Authenticator(KEY.access_key_id, KEY.access_key_secret)
    if not code:
        gate.check(sent, parameters(sent), datetime.now(timezone.utc))
        return
    with pytest.raises(ApiError) as caught:
        gate.check(sent, parameters(sent), datetime.now(timezone.utc))
    assert caught.value.code == code
