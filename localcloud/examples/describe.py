"""Prints the scaling groups. First: pip install aliyun-python-sdk-ess

alibaba-localcloud --port 8080 --access-key-secret localcloud-secret"""

from aliyunsdkcore.client import AcsClient
from aliyunsdkess.request.v20140828.DescribeScalingGroupsRequest import DescribeScalingGroupsRequest

request = DescribeScalingGroupsRequest()
request.set_endpoint("127.0.0.1:8080")
client = AcsClient("localcloud", "localcloud-secret", "cn-hangzhou")
print(client.do_action_with_exception(request))
