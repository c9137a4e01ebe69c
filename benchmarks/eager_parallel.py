"""A warm script to compare with: it reads all pages at once with the same SDK, and checks nothing.

`python -m eager_parallel PAGES`, with SCALEIN_ESS_ENDPOINT and ALIBABA_CLOUD_* in the
environment. Each line of the standard input is an event; for each it prints what invoke.py does.
It shows what a process of Python needs at least: no schema, no order of removal but the oldest
first, no guardrail, no audit line.
"""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import RpcRequest
from aliyunsdkess.request.v20140828.DescribeScalingGroupsRequest import DescribeScalingGroupsRequest
from aliyunsdkess.request.v20140828.DescribeScalingInstancesRequest import (
    DescribeScalingInstancesRequest,
)
from aliyunsdkess.request.v20140828.RemoveInstancesRequest import RemoveInstancesRequest

PAGE_SIZE = 100
MAX_THREADS = 24


def main() -> None:
    pages = int(sys.argv[1])
    client = AcsClient(
        os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        "cn-hangzhou",
        pool_size=MAX_THREADS,
    )

    def call(request: RpcRequest) -> Any:
        request.set_endpoint(os.environ["SCALEIN_ESS_ENDPOINT"].removeprefix("https://"))
        request.set_protocol_type("https")
        return json.loads(client.do_action_with_exception(request))

    with ThreadPoolExecutor(MAX_THREADS) as threads:
        for line in sys.stdin.buffer:
            wall, cpu = time.perf_counter(), time.process_time()
            group_id = json.loads(line)["scalingGroupId"]
            replies = list(threads.map(call, [_group(group_id), *_pages(group_id, pages)]))
            instances = [
                instance
                for reply in replies[1:]
                for instance in reply["ScalingInstances"]["ScalingInstance"]
            ]
            removal = RemoveInstancesRequest()
            removal.set_ScalingGroupId(group_id)
            oldest = min(instances, key=lambda instance: instance["CreatedTime"])
            removal.set_InstanceIds([oldest["InstanceId"]])
            call(removal)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            print(json.dumps({"status": "removing", "wall": wall, "cpu": cpu}), flush=True)


def _group(group_id: str) -> RpcRequest:
    request = DescribeScalingGroupsRequest()
    request.set_ScalingGroupIds([group_id])
    return request


def _pages(group_id: str, pages: int) -> list[RpcRequest]:
    requests = []
    for number in range(1, pages + 1):
        request = DescribeScalingInstancesRequest()
        request.set_ScalingGroupId(group_id)
        request.set_PageSize(PAGE_SIZE)
        request.set_PageNumber(number)
        requests.append(request)
    return requests


if __name__ == "__main__":
    main()
