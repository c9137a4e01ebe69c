// Calls through the official SDK of Go, alibaba-cloud-sdk-go, by its types: {endpoint, key, secret,
// token, action, params} comes as JSON on standard input, line by line; {reply} or {code, status}
// goes back, line by line.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"reflect"

	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ess"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
)

const region = "cn-hangzhou"

type ask struct {
	Endpoint, Key, Secret, Token, Action string
	Params                               json.RawMessage
}

type answer struct {
	Reply   interface{} `json:"reply,omitempty"`
	Code    string      `json:"code,omitempty"`
	Status  int         `json:"status,omitempty"`
	Message string      `json:"message,omitempty"`
}

func newRequest(action string) requests.AcsRequest {
	switch action {
	case "AssumeRole":
		return sts.CreateAssumeRoleRequest()
	case "AttachInstances":
		return ess.CreateAttachInstancesRequest()
	case "DescribeScalingActivities":
		return ess.CreateDescribeScalingActivitiesRequest()
	case "DescribeScalingGroups":
		return ess.CreateDescribeScalingGroupsRequest()
	case "DescribeScalingInstances":
		return ess.CreateDescribeScalingInstancesRequest()
	case "ListTagResources":
		return ess.CreateListTagResourcesRequest()
	case "RemoveInstances":
		return ess.CreateRemoveInstancesRequest()
	case "TagResources":
		return ess.CreateTagResourcesRequest()
	}
	panic("not known here: " + action)
}

// newClient returns the SDK's client of the service that has the action.
func newClient(call ask) (interface{}, error) {
	if call.Action == "AssumeRole" {
		return sts.NewClientWithAccessKey(region, call.Key, call.Secret)
	}
	if call.Token != "" {
		return ess.NewClientWithStsToken(region, call.Key, call.Secret, call.Token)
	}
	return ess.NewClientWithAccessKey(region, call.Key, call.Secret)
}

func answerTo(line []byte) answer {
	var call ask
	if err := json.Unmarshal(line, &call); err != nil {
		panic(err)
	}
	client, err := newClient(call)
	if err != nil {
		panic(err)
	}
	request := newRequest(call.Action)
	if err := json.Unmarshal(call.Params, request); err != nil {
		panic(err)
	}
	request.SetScheme("http")
	request.SetDomain(call.Endpoint)
	method := reflect.ValueOf(client).MethodByName(call.Action)
	results := method.Call([]reflect.Value{reflect.ValueOf(request)})
	if failure, ok := results[1].Interface().(sdkerrors.Error); ok {
		return answer{Code: failure.ErrorCode(), Status: failure.HttpStatus(), Message: failure.Message()}
	}
	return answer{Reply: results[0].Interface()}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		text, err := json.Marshal(answerTo(lines.Bytes()))
		if err != nil {
			panic(err)
		}
		fmt.Println(string(text))
	}
}
