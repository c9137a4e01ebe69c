// One queue: its counts, what writes to it and reads it, and its messages, none of them taken.
import { drawIfNew, drawList, empty, h, pairs } from './dom.js';
import { data, list, now } from './data.js';
import { closeDrawer, openDrawer } from './drawer.js';
import { badge, clockTime, count, duration, textView } from './format.js';
import { askDeleteQueue, askPurge, askSend, askSettings, deleteMessage,
  queuePath } from './queue_actions.js';
import { queueHref, queueOf } from './links.js';
import { attempt, get } from './requests.js';
import { Table } from './table.js';

const KINDS = { active: 'good', 'in flight': 'warn', delayed: 'note' };
const visibleIn = (one) => (one.state === 'active' ? ''
  : duration((Date.parse(one.visible) - now()) / 1000));

const COLUMNS = [
  { key: 'number', title: 'Sent', width: '118px', value: (one) => clockTime(one.sent),
    sort: (one) => one.number },
  { key: 'state', title: 'State', width: '86px', value: (one) => one.state,
    cell: (one) => badge(one.state, KINDS[one.state]) },
  { key: 'preview', title: 'Body', width: 'minmax(180px, 3fr)', value: (one) => one.preview,
    style: 'mono' },
  { key: 'visible', title: 'Visible in', width: '92px', value: visibleIn,
    sort: (one) => one.visible },
  { key: 'received', title: 'Received', width: '72px', value: (one) => one.received, end: true },
  { key: 'priority', title: 'Priority', width: '64px', value: (one) => one.priority, end: true },
  { key: 'id', title: 'Message id', width: '130px', value: (one) => one.id, style: 'mono' },
];

async function showMessage(queue, row) {
  const one = await attempt(() => get(queuePath(queue, `/messages/${row.id}`)));
  if (!one) return;
  openDrawer('Message', h('div', {},
    pairs([['State', badge(one.state, KINDS[one.state])],
      ['Id', h('span', { class: 'mono' }, one.id)], ['Sent', clockTime(one.sent)],
      ['Visible', one.state === 'active' ? 'now' : clockTime(one.visible)],
      ['Expires', clockTime(one.expires)], ['Received', one.received],
      ['Priority', one.priority], ['Encoding', one.isBase64 ? 'Base64' : 'as it is']]),
    h('h3', {}, 'Body'), textView(one.text),
    h('p', { class: 'buttons' }, h('button', { type: 'button', class: 'small danger',
      onclick: async () => { if (await deleteMessage(queue, one.id)) closeDrawer(true); } },
    'Delete this message'))), null, 'wide');
}

function connectionsOf(name) {
  const rules = list('metricRules')
    .filter((one) => one.targets.some((arn) => queueOf(arn) === name))
    .map((one) => ['written by', `alert rule ${one.name}`, '#/alarms']);
  const hooks = list('hooks').filter((one) => queueOf(one.arn) === name)
    .map((one) => ['written by', `lifecycle hook ${one.name}`, '#/hooks']);
  const topics = list('topics').filter((one) => one.subscriptions.some((to) => to.queue === name))
    .map((one) => ['written by', `topic ${one.name}`, '#/queues']);
  const ends = list('functions').flatMap((one) => [['onSuccess', 'successes'],
    ['onFailure', 'failures']].filter(([end]) => queueOf(one[end]) === name)
    .map(([, word]) => ['written by', `${word} of function ${one.id}`, '#/functions']));
  const onEvents = list('eventRules').filter((rule) =>
    rule.targets.some((one) => [one.arn, one.deadLetters].some((arn) => queueOf(arn) === name)))
    .map((one) => ['written by', `event rule ${one.name}`, '#/queues']);
  const dead = list('queues').filter((one) => one.deadLetterQueue === name)
    .map((one) => ['written by', `dead letters of ${one.name}`, queueHref(one.name)]);
  const readers = list('triggers').filter((one) => one.queue === name)
    .map((one) => ['read by', `trigger ${one.name} of ${one.function} (${one.state})`,
      '#/queues']);
  return [...rules, ...hooks, ...topics, ...onEvents, ...ends, ...dead, ...readers];
}

function tilesView(queue) {
  const tile = (title, value) => h('div', { class: 'tile' }, h('dt', {}, title),
    h('dd', { class: 'number' }, value));
  return [tile('Active', count(queue.active)), tile('In flight', count(queue.inactive)),
    tile('Delayed', count(queue.delayed)), tile('Sent', count(queue.sent)),
    tile('Deleted', count(queue.deleted)),
    tile('Invisible for', duration(queue.visibilityTimeout)),
    tile('Retention', duration(queue.retention))];
}

function headView(queue) {
  const button = (text, act, kind = '') => h('button', { type: 'button', class: kind,
    onclick: () => act(data.queues.get(queue)) }, text);
  return [h('h2', {}, queue), h('a', { class: 'text', href: '#/queues' }, 'All queues'),
    h('span', { class: 'buttons' }, button('Send', (one) => askSend(one.name), 'first'),
      button('Settings', askSettings), button('Purge', (one) => askPurge(one.name), 'danger'),
      button('Delete', (one) => askDeleteQueue(one.name), 'danger'))];
}

class QueueView {
  constructor(name) {
    Object.assign(this, { name, title: name, seen: null });
    this.head = h('header', { class: 'head' });
    this.tiles = h('dl', { class: 'tiles' });
    this.connections = h('ul', { class: 'rows' });
    this.note = h('p', { class: 'quiet' });
    this.table = new Table({ label: `Messages of ${name}`,
      columns: COLUMNS.map((one) => ({ ...one })), keyOf: (one) => one.id,
      onOpen: (one) => showMessage(name, one), sort: { key: 'number', down: true },
      emptyView: () => empty('No messages.', 'To look at messages before a trigger takes them, '
        + 'disable it under Queues and triggers, then send some.') });
    this.content = h('div', {}, this.head, this.tiles, h('div', { class: 'stack' },
      h('section', { class: 'card', 'aria-label': 'Connections' }, h('header', {},
        h('h3', {}, 'Connections')), this.connections, this.note),
      h('section', { class: 'card flush', 'aria-label': 'Messages' }, h('header', {},
        h('h3', {}, 'Messages'), h('small', {}, 'the 200 oldest; a look takes none')),
      this.table.element)));
    this.missing = h('div', { hidden: true });
    this.element = h('article', { class: 'view', 'aria-label': `Queue ${name}` }, this.content,
      this.missing);
  }

  update() {
    const queue = data.queues.get(this.name);
    this.content.hidden = !queue;
    this.missing.hidden = Boolean(queue) || !data.cloud.size;
    drawIfNew(this.missing, 'missing', () => empty(`There is no queue ${this.name}.`,
      h('a', { class: 'button', href: '#/queues' }, 'All queues')));
    if (!queue) return;
    drawIfNew(this.head, this.name, () => headView(this.name));
    drawIfNew(this.tiles, queue, () => tilesView(queue));
    const connections = connectionsOf(this.name);
    drawList(this.connections, connections, (one) => one.join(' '), ([word, text, href]) =>
      h('li', {}, h('p', { class: 'line' }, h('small', {}, word),
        h('a', { class: 'text', href }, text))));
    const dead = queue.deadLetterQueue ? `After ${queue.maxReceiveCount} receives a message goes `
      + `to ${queue.deadLetterQueue}.` : '';
    drawIfNew(this.note, [connections.length, dead], () => [dead, connections.length ? ''
      : 'Nothing that the cloud knows writes to it or reads it; clients may.'].join(' ').trim());
    this.look(queue);
  }

  // Reads the messages again only where the queue's row differs from when they were read.
  async look(queue) {
    if (this.seen === queue) return;
    this.seen = queue;
    const answer = await get(queuePath(this.name, '/messages')).catch(() => null);
    if (answer && this.seen === queue) this.table.setRows(answer.messages);
  }

  tick() {
    this.table.refresh();
  }
}

export const queueView = (name) => new QueueView(name);
