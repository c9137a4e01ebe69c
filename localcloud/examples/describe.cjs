// npm install @alicloud/pop-core
// alibaba-localcloud --port 8080 --access-key-secret localcloud-secret
const { RPCClient } = require('@alicloud/pop-core');
const key = { accessKeyId: 'localcloud', accessKeySecret: 'localcloud-secret' };
const client = new RPCClient({ ...key, endpoint: 'http://127.0.0.1:8080', apiVersion: '2014-08-28' });
const reply = client.request('DescribeScalingGroups', { RegionId: 'cn-hangzhou' });
reply.then((groups) => console.log(JSON.stringify(groups)));
