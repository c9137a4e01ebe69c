// go get github.com/aliyun/alibaba-cloud-sdk-go
// alibaba-localcloud --port 8080 --access-key-secret localcloud-secret
package main

import (
	"fmt"

	"github.com/aliyun/alibaba-cloud-sdk-go/services/ess"
)

func main() {
	client, _ := ess.NewClientWithAccessKey("cn-hangzhou", "localcloud", "localcloud-secret")
	request := ess.CreateDescribeScalingGroupsRequest()
	request.Scheme, request.Domain = "http", "127.0.0.1:8080"
	reply, err := client.DescribeScalingGroups(request)
	fmt.Println(reply, err)
}
