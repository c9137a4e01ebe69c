"""As eager.py, with the newer SDK: `python eager_tea.py EVENT_FILE`."""

import json
import os
import sys
from pathlib import Path

import jsonschema
from alibabacloud_ess20220222.client import Client
from alibabacloud_ess20220222.models import (
    DescribeScalingGroupsRequest,
    DescribeScalingInstancesRequest,
    RemoveInstancesRequest,
)
from alibabacloud_tea_openapi.models import Config

SCHEMA = Path(__file__).parent.parent / "handler/scalein/schemas/removal-request.schema.json"


def main() -> None:
    event = json.loads(Path(sys.argv[1]).read_bytes())
    jsonschema.validate(event, json.loads(SCHEMA.read_bytes()))
    key = os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"], os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]
    config = Config(
        access_key_id=key[0], access_key_secret=key[1], protocol="http", region_id="cn-hangzhou"
    )
    config.endpoint = os.environ["SCALEIN_ESS_ENDPOINT"]
    client, group_id = Client(config), event["scalingGroupId"]
    region = {"region_id": "cn-hangzhou"}
    client.describe_scaling_groups(
        DescribeScalingGroupsRequest(scaling_group_ids=[group_id], **region)
    )
    request = DescribeScalingInstancesRequest(scaling_group_id=group_id, page_size=100, **region)
    instances = client.describe_scaling_instances(request).body.scaling_instances
    oldest = min(
        (i for i in instances if i.lifecycle_state == "InService"), key=lambda i: i.created_time
    )
    removal = RemoveInstancesRequest(
        scaling_group_id=group_id, instance_ids=[oldest.instance_id], **region
    )
    print(client.remove_instances(removal).body.scaling_activity_id)


if __name__ == "__main__":
    main()
