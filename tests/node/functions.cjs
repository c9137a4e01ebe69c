// Calls of Function Compute through the official SDKs of Node.js. A call is a line of JSON on standard input:
// {generation, endpoint, key, secret, action, path, request, event, headers}. {status, headers, body} or
// {code, status, message} goes back as a line. Requests and bodies have the names of the API.
const readline = require('node:readline');
const { Readable } = require('node:stream');
const $dara = require('@darabonba/typescript');
const { $OpenApiUtil } = require('@alicloud/openapi-core');
const $fc = require('@alicloud/fc20230330');
const Older = require('@alicloud/fc2');

function newerClient(ask) {
  const config = { accessKeyId: ask.key, accessKeySecret: ask.secret, endpoint: ask.endpoint, protocol: 'http' };
  return new $fc.default(new $OpenApiUtil.Config(config));
}

async function text(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function invoke(ask) {
  const request = $dara.cast(ask.request, new $fc.InvokeFunctionRequest({}));
  request.body = Readable.from(Buffer.from(ask.event));
  const headers = new $fc.InvokeFunctionHeaders({ commonHeaders: ask.headers });
  const answer = await newerClient(ask).invokeFunctionWithOptions(
    ask.path[0], request, headers, new $dara.RuntimeOptions({}));
  return { status: answer.statusCode, headers: answer.headers, body: await text(answer.body) };
}

async function newer(ask) {
  if (ask.action === 'InvokeFunction') return invoke(ask);
  const Request = $fc[`${ask.action}Request`];
  const given = Request ? [...ask.path, $dara.cast(ask.request, new Request({}))] : ask.path;
  const method = ask.action[0].toLowerCase() + ask.action.slice(1);
  const answer = (await newerClient(ask)[method](...given)).toMap();
  return { status: answer.statusCode, headers: answer.headers, body: answer.body ?? null };
}

async function older(ask) {
  const config = { accessKeyID: ask.key, accessKeySecret: ask.secret, region: 'cn-hangzhou' };
  const client = new Older('1', { ...config, endpoint: `http://${ask.endpoint}` });
  const answer = await client[ask.action](...ask.path);
  return { status: 200, headers: answer.headers, body: answer.data };
}

async function answer(line) {
  const ask = JSON.parse(line);
  try {
    return await (ask.generation === '2.0' ? older(ask) : newer(ask));
  } catch (error) {
    const status = Number(error.statusCode ?? error.message.match(/failed with (\d+)/)?.[1] ?? 0);
    return { code: error.code ?? error.name, status, message: error.message };
  }
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
  }
})();
