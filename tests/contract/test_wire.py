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
from hypothesis import given
from hypothesis import strategies as st

from localcloud.answers import answer_body
from localcloud.wire import signature, string_to_sign
from scalein.settings import Credentials
from tests.clouds import KEY, Cloud, cloud_of, group, instances


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
        with urllib.request.urlopen(url, data=form.encode() if form is not None else None) as answer:
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


@given(st.dictionaries(st.sampled_from(["A", "B"]), st.text("ab<&>\"' é") | st.integers() | st.booleans()))
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
        (lambda: signed(AccessKeyId="nobody"), 404, "InvalidAccessKeyId.NotFound"),
        (lambda: signed(Timestamp="2014-08-15T11:10:07Z"), 400, "InvalidTimeStamp.Expired"),
        (lambda: signed(Timestamp="yesterday"), 400, "InvalidTimeStamp.Format"),
        (lambda: signed(Version="2099-01-01"), 400, "NoSuchVersion"),
        (lambda: signed(Action="DoMagic"), 404, "InvalidApi.NotFound"),
        (lambda: signed(Format="YAML"), 400, "InvalidParameter.Format"),
        (lambda: signed(SignatureNonce="-"), 400, "MissingSignatureNonce"),
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


def test_an_error_comes_in_xml_too() -> None:
    with cloud_of(group()) as cloud:
        root = ET.fromstring(get(cloud, signed(Format="XML", Action="DoMagic"))[2])

    assert (root.tag, root.findtext("Code")) == ("Error", "InvalidApi.NotFound")


def test_a_nonce_is_good_for_one_call() -> None:
    with cloud_of(group()) as cloud:
        query = signed()

        assert get(cloud, query)[0] == 200
        assert json.loads(get(cloud, query)[2])["Code"] == "SignatureNonceUsed"


def test_a_clock_fourteen_minutes_off_is_near_enough() -> None:
    behind = (datetime.now(timezone.utc) - timedelta(minutes=14)).strftime("%Y-%m-%dT%H:%M:%SZ")

    with cloud_of(group()) as cloud:
        assert get(cloud, signed(Timestamp=behind))[0] == 200


def test_the_sdk_recognises_a_wrong_secret() -> None:
    """The SDK looks for its own string to sign in the message; without a colon there it would break."""
    with cloud_of(group()) as cloud, pytest.raises(ServerException) as caught:
        cloud.send(DescribeScalingGroupsRequest(), Credentials("test-key", "wrong"))

    assert caught.value.get_error_code() == "InvalidAccessKeySecret"


def test_where_a_token_is_demanded_only_that_token_passes() -> None:
    with cloud_of(group(), token="sts-1") as cloud:
        assert cloud.send(DescribeScalingGroupsRequest(), KEY._replace(security_token="sts-1"))["TotalCount"] == 1
        for token in ("", "sts-2"):
            with pytest.raises(ServerException) as caught:
                cloud.send(DescribeScalingGroupsRequest(), KEY._replace(security_token=token))
            assert caught.value.get_error_code() == "InvalidSecurityToken.Malformed"


def test_a_fault_of_the_local_cloud_itself_is_an_internal_error_and_shows_its_trace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with cloud_of(group()) as cloud:
        cloud.inside.service.groups["asg-1"].instances = {"i-1": None}  # type: ignore[dict-item]
        status, _, body = get(cloud, signed())

    assert (status, json.loads(body)["Code"]) == (500, "InternalError")
    assert "Traceback" in capsys.readouterr().err
