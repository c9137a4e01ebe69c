// Queues, topics and triggers, and what the triggers delivered.
import { drawIfNew, drawList, empty, h, pairs } from './dom.js';
import { cloud, list } from './data.js';
import { openDrawer } from './drawer.js';
import { eventRules } from './event_rules.js';
import { badge, clockTime, count, plural, textView } from './format.js';
import { arnView, queueHref, queueView } from './links.js';
import { askPublish, askQueue, askSubscription, askTopic, deleteTopic, setTrigger,
  unsubscribe } from './queue_actions.js';
import { attempt, get } from './requests.js';
import { Table } from './table.js';

const readersOf = (queue) => list('triggers').filter((one) => one.queue === queue)
  .map((one) => one.name).join(', ');
const number = (key, title) => ({ key, title, width: '76px', end: true,
  value: (one) => count(one[key]), sort: (one) => one[key],
  cell: (one) => h('span', { class: one[key] ? '' : 'quiet' }, count(one[key])) });

const QUEUES = [
  { key: 'name', title: 'Queue', width: 'minmax(190px, 1.4fr)', value: (one) => one.name,
    cell: (one) => h('a', { class: 'text', tabindex: '-1', href: queueHref(one.name) }, one.name) },
  number('active', 'Active'), number('inactive', 'In flight'), number('delayed', 'Delayed'),
  number('sent', 'Sent'), number('deleted', 'Deleted'),
  { key: 'readers', title: 'Read by trigger', width: 'minmax(120px, 1fr)',
    value: (one) => readersOf(one.name) },
  { key: 'dead', title: 'Dead letters', width: 'minmax(120px, 1fr)',
    value: (one) => (one.deadLetterQueue
      ? `${one.deadLetterQueue}, after ${one.maxReceiveCount}` : '') },
];
const DELIVERIES = [
  { key: 'at', title: 'When', width: '118px', value: (one) => clockTime(one.at),
    sort: (one) => one.number },
  { key: 'trigger', title: 'Trigger', width: 'minmax(110px, 1fr)', value: (one) => one.trigger },
  { key: 'type', title: 'Type', width: '96px', value: (one) => one.type },
  { key: 'function', title: 'Function', width: 'minmax(100px, 1fr)',
    value: (one) => one.function },
  { key: 'attempt', title: 'Attempt', width: '64px', value: (one) => one.attempt, end: true },
  { key: 'error', title: 'Result', width: 'minmax(170px, 1fr)', value: resultOf,
    cell: (one) => badge(resultOf(one), one.error ? 'bad' : 'good') },
  { key: 'bytes', title: 'Bytes', width: '70px', value: (one) => count(one.bytes),
    sort: (one) => one.bytes, end: true },
];

function resultOf(one) { return one.error || 'delivered'; }

export async function showDelivery(row) {
  const one = await attempt(() => get(`/localcloud/deliveries/${row.number}`));
  if (!one) return;
  openDrawer(`Delivery of ${one.trigger}`, h('div', {},
    pairs([['Result', badge(resultOf(one), one.error ? 'bad' : 'good')],
      ['When', clockTime(one.at)], ['Trigger', one.trigger], ['Type', one.type],
      ['Function', h('a', { class: 'text', href: '#/functions' }, one.function)],
      ['Attempt', one.attempt]]),
    h('h3', {}, one.error ? 'Error' : 'Answer'), textView(one.answer, 'The answer is not waited '
      + 'for: the invocation is asynchronous. It is under Functions.'),
    h('h3', {}, 'Event'), textView(one.event)), null, 'wide');
}

function topicItem(topic) {
  const triggers = list('triggers').filter((one) => one.topic === topic.name);
  const button = (text, act, kind = '') => h('button', { type: 'button', class: `small ${kind}`,
    'aria-label': `${text} ${topic.name}`, onclick: () => act(topic.name) }, text);
  return h('li', {}, h('p', { class: 'line' }, h('b', {}, topic.name),
    h('small', {}, plural(topic.subscriptions.length, 'subscription')
      + (triggers.length ? `, ${plural(triggers.length, 'trigger')}` : '')),
    h('span', { class: 'buttons push' }, button('Publish', askPublish),
      button('Subscribe', askSubscription), button('Delete', deleteTopic, 'danger'))),
  topic.subscriptions.map((one) => h('p', { class: 'line' }, h('span', {}, `→ ${one.name}`),
    one.queue ? queueView(one.queue) : h('span', { class: 'mono' }, one.endpoint),
    h('small', {}, `${one.format}${one.tag ? `, tag ${one.tag}` : ''}`),
    h('button', { type: 'button', class: 'small plain', 'aria-label': `Unsubscribe ${one.name}`,
      onclick: () => unsubscribe(topic.name, one.name) }, 'Unsubscribe'))),
  triggers.map((one) => h('p', { class: 'line' }, h('span', {}, `→ function ${one.function}`),
    h('small', {}, `trigger ${one.name}`))));
}

function triggerItem(one) {
  const isOn = one.state !== 'disabled';
  const source = one.queue ? queueView(one.queue) : h('span', {}, one.source);
  return h('li', {}, h('p', { class: 'line' }, badge(one.state), h('b', {}, one.name),
    h('small', {}, one.type), source, h('span', { 'aria-hidden': 'true' }, '→'),
    h('a', { class: 'text', href: '#/functions' }, one.function),
    one.qualifier === 'LATEST' ? null : h('small', {}, one.qualifier),
    h('button', { type: 'button', class: 'small push',
      'aria-label': `${isOn ? 'Disable' : 'Enable'} ${one.name}`,
      onclick: () => setTrigger(one, !isOn) }, isOn ? 'Disable' : 'Enable')),
  one.detail ? h('p', { class: 'quiet' }, one.detail) : null);
}

function card(title, body, none, actions = null) {
  return h('section', { class: 'card', 'aria-label': title }, h('header', {}, h('h3', {}, title),
    actions), body, none);
}

function lostView(lost) {
  const arns = Object.entries(lost);
  if (!arns.length) return [];
  return [h('section', { class: 'card', 'aria-label': 'Lost' }, h('header', {},
    h('h3', {}, 'Sent to no queue or topic')), h('ul', { class: 'rows' }, arns.map(([arn, times]) =>
    h('li', {}, h('p', { class: 'line' }, badge(plural(times, 'message'), 'warn'),
      arnView(arn), h('small', { class: 'mono' }, arn))))))];
}

export function queuesView() {
  const queues = new Table({ label: 'Queues', columns: QUEUES.map((one) => ({ ...one })),
    keyOf: (one) => one.name, onOpen: (one) => { location.hash = queueHref(one.name); },
    emptyView: () => empty('No queues yet.', 'A queue holds messages until a client or a trigger '
      + 'has read and deleted them. Make one here, with an SDK of MNS, or in the fleet file.',
    h('button', { type: 'button', onclick: askQueue }, 'New queue')) });
  const deliveries = new Table({ label: 'Deliveries',
    columns: DELIVERIES.map((one) => ({ ...one })), keyOf: (one) => one.number,
    onOpen: showDelivery, sort: { key: 'at', down: true },
    emptyView: () => empty('Nothing was delivered yet.', 'When a trigger invokes its function, '
      + 'event, attempt and answer are listed here.') });
  const topics = h('ul', { class: 'rows' });
  const triggers = h('ul', { class: 'rows' });
  const none = [h('div', {}), h('div', {})];
  const lost = h('div', {});
  const rules = eventRules();
  const make = (text, act) => h('button', { type: 'button', class: 'small push', onclick: act },
    text);
  const element = h('div', { class: 'view stack' }, h('h2', {}, 'Queues and triggers'),
    h('section', { class: 'card flush', 'aria-label': 'Queues' }, h('header', {},
      h('h3', {}, 'Queues'), make('New queue', askQueue)), queues.element),
    lost,
    h('div', { class: 'columns' },
      card('Triggers', triggers, none[0]),
      card('Topics', topics, none[1], make('New topic', askTopic))),
    rules.element,
    h('section', { class: 'card flush', 'aria-label': 'Deliveries' }, h('header', {},
      h('h3', {}, 'Deliveries')), deliveries.element));
  return {
    element,
    update(changed) {
      const has = (...names) => ['all', ...names].some((name) => changed.has(name));
      rules.update(has);
      if (has('queues')) queues.setRows(list('queues'));
      if (has('triggers')) queues.refresh();
      if (has('deliveries')) deliveries.setRows(list('deliveries'));
      if (has('cloud')) drawIfNew(lost, cloud('lost') ?? {}, () => lostView(cloud('lost') ?? {}));
      if (!has('topics', 'triggers', 'queues')) return;
      const made = list('triggers');
      const names = list('queues').map((one) => one.name);
      drawList(triggers, made, (one) => one.id, triggerItem,
        (one) => JSON.stringify([one, names.includes(one.queue)]));
      drawIfNew(none[0], made.length > 0, () => (made.length ? [] : empty('No triggers.',
        'A trigger invokes a function for the messages of a queue or topic, at times, or for an '
        + 'HTTP request. SDKs of Function Compute create them, and fleet files declare them.')));
      const present = list('topics');
      const ofTopic = (topic) => made.filter((one) => one.topic === topic.name);
      drawList(topics, present, (one) => one.name, topicItem,
        (one) => JSON.stringify([one, ofTopic(one), names]));
      drawIfNew(none[1], present.length > 0, () => (present.length ? [] : empty('No topics.',
        'A topic gives each message to all its subscriptions: queues, HTTP endpoints, '
        + 'functions.')));
    },
  };
}
