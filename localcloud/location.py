"""The location service (2015-06-12): where SDKs look up an endpoint that they do not carry.

The layout is that which aliyun-python-sdk-core reads."""

from __future__ import annotations

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess.service import Service
from localcloud.wire import Params

VERSION = "2015-06-12"
ACTION = "DescribeEndpoints"


def perform(_: Service, params: Params) -> Reply:
    """Performs DescribeEndpoints: names the product's endpoint of a region. Raises ApiError."""
    if params["Action"] != ACTION:
        raise errors.ApiNotFound()
    code, region_id = params.get("ServiceCode", ""), params.get("Id", "")
    if not code or not region_id:
        raise errors.GatewayMissing("ServiceCode" if not code else "Id")
    endpoint = {
        "Endpoint": f"{code}.{region_id}.aliyuncs.com",
        "Id": region_id,
        "Namespace": "",
        "Protocols": {"Protocols": ["HTTP", "HTTPS"]},
        "SerivceCode": code,  # spelled so there
        "Type": params.get("Type") or "openAPI",
    }
    return {"Success": True, "Endpoints": {"Endpoint": [endpoint]}}
