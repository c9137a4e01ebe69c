"""EventBridge and CloudMonitor of a local cloud, by the core of the older Python SDK."""

from __future__ import annotations

import json
from typing import Any

from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import RpcRequest

from tests.support.deployment import KEY
from tests.support.sdks import RefusedCall

CALLS = {"Eventbridge": "2020-04-01", "Cms": "2019-01-01", "Ess": "2014-08-28"}


def rpc(endpoint: str, product: str, action: str, **params: Any) -> Any:
    """The reply, or how it was refused. A list or an object is sent as JSON; `__` is a dot."""
    request = RpcRequest(product, CALLS[product], action)
    request.set_protocol_type("http")
    request.set_endpoint(endpoint)
    request.set_method("POST")
    for name, value in params.items():
        text = json.dumps(value) if isinstance(value, (dict, list)) else value
        request.add_body_params(name.replace("__", "."), text)
    client = AcsClient(KEY.access_key_id, KEY.access_key_secret, "cn-hangzhou", auto_retry=False)
    try:
        return json.loads(client.do_action_with_exception(request))
    except ServerException as error:
        return RefusedCall(error.get_http_status(), error.get_error_code())


def bridge(endpoint: str, action: str, **params: Any) -> Any:
    """A call of EventBridge; of the default bus, unless it names another."""
    return rpc(endpoint, "Eventbridge", action, **{"EventBusName": "default", **params})


def param(key: str, form: str, value: Any = None, template: Any = None) -> dict[str, Any]:
    fields = {"ResourceKey": key, "Form": form, "Value": value, "Template": template}
    return {name: field for name, field in fields.items() if field is not None}


def queue_target(id: str, queue: str, *body: Any) -> dict[str, Any]:
    """A target that is a queue; `body`: form, value and template of the parameter Body."""
    params = [param("queue", "CONSTANT", queue), param("Body", *(body or ("ORIGINAL",)))]
    endpoint = f"acs:mns:cn-hangzhou:1:queues/{queue}"
    return {"Id": id, "Type": "acs.mns.queue", "Endpoint": endpoint, "ParamList": params}


def function_target(id: str, arn: str, *params: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A target that is a function, which gets the whole event."""
    body = param("Body", "ORIGINAL")
    target = {"Id": id, "Type": "acs.fc.function", "Endpoint": f"acs:fc:cn-hangzhou:1:{arn}"}
    return {**target, "ParamList": [*params, body], **fields}
