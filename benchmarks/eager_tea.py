"""As eager.py, with the newer SDK: `python -m eager_tea SCHEMA_FILE`."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import jsonschema
from alibabacloud_ess20220222.client import Client
from alibabacloud_ess20220222.models import (
    DescribeScalingGroupsRequest,
    DescribeScalingInstancesRequest,
    RemoveInstancesRequest,
)
from alibabacloud_tea_openapi.models import Config

PAGE_SIZE = 100


def main() -> None:
    event = json.loads(sys.stdin.buffer.read())
    jsonschema.validate(event, json.loads(Path(sys.argv[1]).read_bytes()))
    key = os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"], os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]
    config = Config(
        access_key_id=key[0], access_key_secret=key[1], protocol="https", region_id="cn-hangzhou"
    )
    config.endpoint = os.environ["SCALEIN_ESS_ENDPOINT"].removeprefix("https://")
    client, group_id = Client(config), event["scalingGroupId"]
    region = {"region_id": "cn-hangzhou"}
    groups = DescribeScalingGroupsRequest(scaling_group_ids=[group_id], **region)
    group = client.describe_scaling_groups(groups).body.scaling_groups[0]
    instances: list[Any] = []
    while len(instances) < group.total_capacity:
        page = DescribeScalingInstancesRequest(
            scaling_group_id=group_id,
            page_size=PAGE_SIZE,
            page_number=len(instances) // PAGE_SIZE + 1,
            **region,
        )
        instances += client.describe_scaling_instances(page).body.scaling_instances
    oldest = min(
        (i for i in instances if i.lifecycle_state == "InService"), key=lambda i: i.created_time
    )
    removal = RemoveInstancesRequest(
        scaling_group_id=group_id, instance_ids=[oldest.instance_id], **region
    )
    print(client.remove_instances(removal).body.scaling_activity_id)


if __name__ == "__main__":
    main()
