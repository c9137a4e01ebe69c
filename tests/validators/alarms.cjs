// Checks a ROS template's CloudMonitor resources with Alibaba's own definitions of them (ros-cdk-cms): what these
// refuse, and what they would drop because they do not know it. Usage: node alarms.cjs TEMPLATE
const assert = require('assert');
const fs = require('fs');
const yaml = require('js-yaml');
const ros = require('@alicloud/ros-cdk-core');
const cms = require('@alicloud/ros-cdk-cms');

const small = (key) => (key === 'Id' ? 'identity' : key[0].toLowerCase() + key.slice(1));
const isFree = (value) => Object.keys(value).some((key) => key === 'Ref' || key.startsWith('Fn::'));

// The cdk's names of properties begin with a small letter; dictionaries of the metric's own keys stay as they are.
function camel(value) {
  if (Array.isArray(value)) return value.map(camel);
  if (value === null || typeof value !== 'object' || isFree(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [small(key), camel(inner)]));
}

// What is only known when the stack is made, in a form that the definitions take for it.
function resolvable(value) {
  if (Array.isArray(value)) return value.map(resolvable);
  if (value === null || typeof value !== 'object') return value;
  if (isFree(value)) return ros.Token.asAny(value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolvable(inner)]));
}

function check(template) {
  const stack = new ros.Stack(new ros.App(), 'alarms');
  for (const [name, { Type: type, Properties: properties }] of Object.entries(template.Resources)) {
    const Known = cms['Ros' + type.replace('ALIYUN::CMS::', '')];
    assert(Known, `${name}: ${type} is not known`);
    new Known(stack, name, resolvable(camel(properties)), true);
  }
  const made = stack.node.root.synth().getStackByName('alarms').template.Resources;
  for (const [name, { Properties: properties }] of Object.entries(template.Resources)) {
    assert.deepStrictEqual(made[name].Properties, properties, `${name}: properties that its type does not know`);
  }
}

try {
  check(yaml.load(fs.readFileSync(process.argv[2], 'utf8')));
} catch (error) {
  console.error(error.message.split('\nObject creation stack')[0]);
  process.exit(1);
}
