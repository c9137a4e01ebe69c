// One call through the official SDK of Node.js: {endpoint, key, secret, action, params} comes as JSON on standard
// input, line by line; {reply} or {code, status} goes back, line by line.
const readline = require('node:readline');
const { RPCClient } = require('@alicloud/pop-core');

const clients = new Map();

function client(ask) {
  if (!clients.has(ask.endpoint)) {
    clients.set(ask.endpoint, new RPCClient({
      accessKeyId: ask.key,
      accessKeySecret: ask.secret,
      endpoint: `http://${ask.endpoint}`,
      apiVersion: '2014-08-28',
    }));
  }
  return clients.get(ask.endpoint);
}

async function answer(line) {
  const ask = JSON.parse(line);
  try {
    return { reply: await client(ask).request(ask.action, ask.params, { method: 'POST' }) };
  } catch (error) {
    return { code: error.code, status: error.entry?.response?.statusCode ?? 0, message: error.message };
  }
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
  }
})();
