// What the page knows of the cloud: rows by topic and key, of /localcloud/stream; and its time.

const INSTANCE = ['id', 'group', 'zone', 'state', 'health', 'type', 'joined', 'creation',
  'configuration', 'weight', 'spot', 'metrics'];
const TOPICS = ['cloud', 'places', 'groups', 'instances', 'activities', 'alarms', 'metricRules',
  'rules', 'tasks', 'hooks', 'held', 'points', 'decisions', 'functions', 'triggers', 'queues',
  'topics', 'eventRules', 'retries', 'balancers', 'backends', 'deliveries', 'invocations', 'log'];

export const data = Object.fromEntries(TOPICS.map((topic) => [topic, new Map()]));
export const connection = { state: 'connecting' };
const listeners = new Set();
const time = { base: Date.now(), at: performance.now(), runs: true };
let pending = null;
let indexes = {};
let stream = null;

export function now() {
  return new Date(time.base + (time.runs ? performance.now() - time.at : 0));
}

// Calls `listener` with the set of topics that have changed; returns what ends that.
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const list = (topic) => [...data[topic].values()];
export const cloud = (name) => data.cloud.get(name);
export const newestFirst = (topic, field) =>
  list(topic).sort((one, other) => (one[field] < other[field] ? 1 : -1));

// The rows of a topic that belong to a group; counted once for each change.
export function ofGroup(topic, group) {
  indexes[topic] ??= Map.groupBy
    ? Map.groupBy(data[topic].values(), (row) => row.group) : groupedBy(data[topic]);
  return indexes[topic].get(group) ?? [];
}

function groupedBy(rows) {
  const groups = new Map();
  for (const row of rows.values()) {
    if (!groups.has(row.group)) groups.set(row.group, []);
    groups.get(row.group).push(row);
  }
  return groups;
}

function readRow(topic, key, row) {
  if (topic === 'instances') {
    return Object.fromEntries(INSTANCE.map((name, index) => [name, row[index]]));
  }
  if (topic === 'points') {
    const [at, total, stable, min, max, desired] = row;
    return { group: key.slice(0, key.lastIndexOf(' ')), at, total, stable, min, max, desired };
  }
  return row;
}

function setClock(message) {
  time.base = Date.parse(message.now);
  time.at = performance.now();
  time.runs = cloud('clock')?.runs ?? true;
}

function takeSnapshot(message) {
  for (const topic of TOPICS) {
    const rows = message.topics[topic] ?? {};
    data[topic].clear();
    for (const [key, row] of Object.entries(rows)) data[topic].set(key, readRow(topic, key, row));
  }
  setClock(message);
  announce(['snapshot', ...TOPICS]);
}

function takeChanges(message) {
  for (const [topic, keys] of Object.entries(message.removed)) {
    for (const key of keys) data[topic].delete(key);
  }
  for (const [topic, rows] of Object.entries(message.changed)) {
    for (const [key, row] of Object.entries(rows)) data[topic].set(key, readRow(topic, key, row));
  }
  setClock(message);
  announce([...Object.keys(message.changed), ...Object.keys(message.removed)]);
}

// One drawing for all that came since the last frame.
function announce(topics) {
  for (const topic of topics) delete indexes[topic];
  if (pending) {
    topics.forEach((topic) => pending.add(topic));
    return;
  }
  pending = new Set(topics);
  requestAnimationFrame(() => {
    const changed = pending;
    pending = null;
    for (const listener of [...listeners]) listener(changed);
  });
}

// Reads the stream of one account and region, or of all (''), in place of the one before.
export function connect(place = '') {
  stream?.close();
  const query = place ? `?place=${encodeURIComponent(place)}` : '';
  stream = new EventSource(`/localcloud/stream${query}`);
  const setState = (state) => {
    connection.state = state;
    announce(['connection']);
  };
  stream.addEventListener('open', () => setState('live'));
  stream.addEventListener('error', () => setState('lost'));
  stream.addEventListener('snapshot', (message) => takeSnapshot(JSON.parse(message.data)));
  stream.addEventListener('changes', (message) => takeChanges(JSON.parse(message.data)));
}
