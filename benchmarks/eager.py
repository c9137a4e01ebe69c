"""A plain script to compare with: it imports everything at once and makes the same three calls.

`python eager.py EVENT_FILE` with SCALEIN_ESS_ENDPOINT and ALIBABA_CLOUD_* in the environment.
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

SCHEMA = Path(__file__).parent.parent / "handler/scalein/schemas/removal-request.schema.json"


def main() -> None:
    event = json.loads(Path(sys.argv[1]).read_bytes())
    jsonschema.validate(event, json.loads(SCHEMA.read_bytes()))
    client = AcsClient(
        os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        "cn-hangzhou",
    )

    def call(request: RpcRequest) -> Any:
        request.set_endpoint(os.environ["SCALEIN_ESS_ENDPOINT"])
        return json.loads(client.do_action_with_exception(request))

    groups = DescribeScalingGroupsRequest()
    groups.set_ScalingGroupIds([event["scalingGroupId"]])
    group = call(groups)["ScalingGroups"]["ScalingGroup"][0]
    members = DescribeScalingInstancesRequest()
    members.set_ScalingGroupId(event["scalingGroupId"])
    members.set_PageSize(100)
    instances = call(members)["ScalingInstances"]["ScalingInstance"]
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
