"""A plain script to compare with: it imports everything at once and reads page after page.

`python -m eager SCHEMA_FILE` with SCALEIN_ESS_ENDPOINT and ALIBABA_CLOUD_* in the environment, and
an event on its standard input. It prints the id of the scaling activity.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import jsonschema
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import RpcRequest
from aliyunsdkess.request.v20140828.DescribeScalingGroupsRequest import DescribeScalingGroupsRequest
from aliyunsdkess.request.v20140828.DescribeScalingInstancesRequest import (
    DescribeScalingInstancesRequest,
)
from aliyunsdkess.request.v20140828.RemoveInstancesRequest import RemoveInstancesRequest

PAGE_SIZE = 100


def main() -> None:
    event = json.loads(sys.stdin.buffer.read())
    jsonschema.validate(event, json.loads(Path(sys.argv[1]).read_bytes()))
    client = AcsClient(
        os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        "cn-hangzhou",
    )

    def call(request: RpcRequest) -> Any:
        request.set_endpoint(os.environ["SCALEIN_ESS_ENDPOINT"].removeprefix("https://"))
        request.set_protocol_type("https")
        return json.loads(client.do_action_with_exception(request))

    groups = DescribeScalingGroupsRequest()
    groups.set_ScalingGroupIds([event["scalingGroupId"]])
    group = call(groups)["ScalingGroups"]["ScalingGroup"][0]
    instances: list[Any] = []
    while len(instances) < group["TotalCapacity"]:
        page = DescribeScalingInstancesRequest()
        page.set_ScalingGroupId(event["scalingGroupId"])
        page.set_PageSize(PAGE_SIZE)
        page.set_PageNumber(len(instances) // PAGE_SIZE + 1)
        instances += call(page)["ScalingInstances"]["ScalingInstance"]
    in_service = sorted(
        (instance for instance in instances if instance["LifecycleState"] == "InService"),
        key=lambda instance: instance["CreatedTime"],
    )
    number = min(event["remove"]["count"], group["TotalCapacity"] - group["MinSize"])
    removal = RemoveInstancesRequest()
    removal.set_ScalingGroupId(event["scalingGroupId"])
    removal.set_InstanceIds([instance["InstanceId"] for instance in in_service[:number]])
    print(call(removal)["ScalingActivityId"])


if __name__ == "__main__":
    main()
