// Maven: com.aliyun:ess20220222
// alibaba-localcloud --port 8080 --access-key-secret localcloud-secret
import com.aliyun.ess20220222.Client;
import com.aliyun.ess20220222.models.DescribeScalingGroupsRequest;
import com.aliyun.teaopenapi.models.Config;

class Describe {
    public static void main(String[] arguments) throws Exception {
        Config config = new Config().setAccessKeyId("localcloud").setAccessKeySecret("localcloud-secret");
        Client client = new Client(config.setEndpoint("127.0.0.1:8080").setProtocol("http"));
        var request = new DescribeScalingGroupsRequest().setRegionId("cn-hangzhou");
        System.out.println(client.describeScalingGroups(request).getBody().toMap());
    }
}
