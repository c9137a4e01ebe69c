// Judges resources of ROS templates by ROS's own definitions (the packages ros-cdk-..., unpacked into node_modules
// beside this file by `python -m tools.ros_definitions`): what they refuse, what they do not know, which attributes a
// type does not have. Reads [{resources: {NAME: {Type, Properties}}, attributes: [[TYPE, ATTRIBUTE], ...]}, ...], with
// plain values in place of functions, and writes a list of faults for each.
'use strict';
const fs = require('fs');
const path = require('path');

const folder = path.join(__dirname, 'node_modules/@alicloud');
const ros = require(path.join(folder, 'ros-cdk-core'));

// Class of each type. Only the generated modules are loaded: others of a package need further packages.
function classes() {
  const found = {};
  for (const name of fs.readdirSync(folder)) {
    const product = name.replace('ros-cdk-', '');
    for (const part of ['', 'datasource/']) {
      const file = path.join(folder, name, 'lib', part, `${product}.generated.js`);
      if (!fs.existsSync(file)) continue;
      for (const each of Object.values(require(file))) {
        if (each.ROS_RESOURCE_TYPE_NAME) found[each.ROS_RESOURCE_TYPE_NAME] = each;
      }
    }
  }
  return found;
}

// A definition asks for `queueName` or `ttl`, and Id it calls `identity`; a template has QueueName, TTL and Id.
function nameIn(target, key) {
  if (typeof key !== 'string' || key in target) return key;
  const name = key === 'identity' ? 'id' : key.toLowerCase();
  return Object.keys(target).find((each) => each.toLowerCase() === name) || key;
}

// The properties of a template, by the names of the definitions, at any depth. The keys of dictionaries stay.
function asDefined(value) {
  if (value === null || typeof value !== 'object') return value;
  return new Proxy(value, { get: (target, key) => asDefined(target[nameIn(target, key)]) });
}

// What the definition did not take over from the template: it does not know it.
function unknown(given, taken, where) {
  if (given === null || typeof given !== 'object') {
    return given === taken ? [] : [`${where}: ${JSON.stringify(given)} is of no type that it takes`];
  }
  return Object.keys(given).flatMap((key) => {
    const inner = Array.isArray(given) ? `${where}[${key}]` : `${where}.${key}`;
    if (taken === null || typeof taken !== 'object' || !(key in taken)) return [`${inner}: unknown`];
    return unknown(given[key], taken[key], inner);
  });
}

function sampleOf(Known, checked) {
  const stack = new ros.Stack(new ros.App(), 'judge');
  return { stack, resource: new Known(stack, 'sample', {}, checked) };
}

// Faults, and what remains of the properties, as a definition takes them with or without its checks.
function judged(Known, properties, checked, name) {
  try {
    const taken = sampleOf(Known, checked).resource.renderProperties(asDefined(properties));
    return unknown(properties, taken, name);
  } catch (error) {
    return [`${name}: ${error.message.split('\n').map((line) => line.trim()).join(' ')}`];
  }
}

// With its checks, a definition stops at what it refuses: so unknown names are looked for without them too.
function faultsOf(name, { Type: type, Properties: properties }, known) {
  if (!known[type]) return [`${name}: ${type} is no type that the definitions know`];
  const faults = [true, false].flatMap((checked) => judged(known[type], properties, checked, name));
  return [...new Set(faults)];
}

function attributesOf(Known) {
  const { resource, stack } = sampleOf(Known, false);
  const tokens = Object.keys(resource).filter((key) => key.startsWith('attr'));
  return tokens.map((key) => stack.resolve(resource[key])['Fn::GetAtt'][1]);
}

// Templates and sets of parameters share most of their resources: each is judged once.
const judgedBefore = new Map();

function faultsOnce(name, resource, known) {
  const key = JSON.stringify([name, resource]);
  if (!judgedBefore.has(key)) judgedBefore.set(key, faultsOf(name, resource, known));
  return judgedBefore.get(key);
}

function judge({ resources, attributes }, known) {
  const faults = Object.entries(resources).flatMap(([name, resource]) => faultsOnce(name, resource, known));
  for (const [type, attribute] of attributes) {
    if (known[type] && !attributesOf(known[type]).includes(attribute)) faults.push(`${type} has no attribute ${attribute}`);
  }
  return faults;
}

const known = classes();
process.stdout.write(JSON.stringify(JSON.parse(fs.readFileSync(0, 'utf8')).map((each) => judge(each, known))));
