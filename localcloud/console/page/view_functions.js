// The functions of both generations, and their last invocations with their logs.
import { drawIfNew, drawList, empty, h, pairs } from './dom.js';
import { cloud, list } from './data.js';
import { askForm } from './dialogs.js';
import { openDrawer } from './drawer.js';
import { badge, clockTime, count, kindOf, logView, plural, textView } from './format.js';
import { arnView, listed, queueView } from './links.js';
import { attempt, get } from './requests.js';
import { fire, sampleFields } from './samples.js';
import { Table } from './table.js';

const outcomesView = (one) => h('span', { class: 'chips' }, one.status.split(', ')
  .map((status) => badge(status, one.error ? 'bad' : kindOf(status))));
const COLUMNS = [
  { key: 'at', title: 'When', width: '118px', value: (one) => clockTime(one.at),
    sort: (one) => one.number },
  { key: 'function', title: 'Function', width: 'minmax(120px, 1fr)',
    value: (one) => one.function },
  { key: 'qualifier', title: 'Version', width: '84px', value: versionOf },
  { key: 'status', title: 'Outcome', width: 'minmax(110px, 1fr)', value: (one) => one.status,
    cell: outcomesView },
  { key: 'error', title: 'Error', width: 'minmax(110px, 1fr)', value: (one) => one.error },
  { key: 'ms', title: 'ms', width: '64px', value: (one) => one.ms, end: true },
  { key: 'memory', title: 'MB', width: '52px', value: (one) => one.memory, end: true },
  { key: 'cold', title: 'Start', width: '50px', value: (one) => (one.cold ? 'cold' : '') },
  { key: 'requestId', title: 'Request id', width: 'minmax(140px, 1fr)',
    value: (one) => one.requestId, style: 'mono' },
];

function versionOf(one) {
  return one.version && one.version !== one.qualifier ? `${one.qualifier} (${one.version})`
    : one.qualifier;
}

function resultView(one, again) {
  return h('div', {}, h('p', { class: 'buttons' }, h('button', { type: 'button', class: 'small',
    onclick: again }, 'Invoke again …')),
  h('h3', {}, 'Log'), logView(one.log, 'It wrote nothing.'),
  h('h3', {}, one.error ?? one.failed ? 'Error' : 'Answer'), textView(one.answer),
  one.event ? [h('h3', {}, 'Event'), textView(one.event)] : null);
}

async function showInvocation(row) {
  const one = await attempt(() => get(`/localcloud/invocations/${row.number}`));
  if (!one) return;
  openDrawer(`Invocation of ${one.function}`, h('div', {},
    pairs([['Outcome', outcomesView(one)], ['Error', one.error],
      ['When', clockTime(one.at)], ['Version', versionOf(one)], ['Took', `${one.ms} ms`],
      ['Memory', `${one.memory} MB`], ['Start', one.cold ? 'cold' : 'warm'],
      ['Instance', h('span', { class: 'mono' }, one.instance)],
      ['Request id', h('span', { class: 'mono' }, one.requestId)]]),
    resultView(one, () => askInvoke({ id: one.function }, one.qualifier, one.event))),
  null, 'wide');
}

async function askInvoke(row, qualifier = 'LATEST', text = null) {
  const found = list('functions').find((one) => one.id === row.id) ?? row;
  const fields = await sampleFields('Event', text);
  const qualifiers = ['LATEST', ...(found.versions ?? []), ...Object.keys(found.aliases ?? {})];
  const answer = await askForm({
    title: `Invoke ${found.id}`, action: 'Invoke', wide: true,
    lead: 'As a client would, synchronously, with what is in the field.',
    fields: [...(qualifiers.length > 1 ? [{ name: 'qualifier', label: 'Version or alias',
      options: qualifiers.map((one) => [one]), value: qualifier }] : []), ...fields],
    run: (values) => fire(found.id, values.qualifier ?? '', values.text)
      .then((reply) => ({ ...reply, event: values.text, qualifier: values.qualifier })),
  });
  if (!answer) return;
  openDrawer(`Invocation of ${found.id}`, h('div', {},
    pairs([['Result', badge(answer.failed || 'answered', answer.failed ? 'bad' : 'good')],
      ['Took', `${answer.ms} ms`], ['Start', answer.coldStart ? 'cold' : 'warm'],
      ['Request id', h('span', { class: 'mono' }, answer.requestId)]]),
    resultView(answer, () => askInvoke(found, answer.qualifier, answer.event))), null, 'wide');
}

function limitText(one) {
  const limit = one.limit === null ? '' : `, limit ${one.limit}`;
  const idle = one.instances ? `, ${plural(one.instances, 'idle instance')}` : '';
  return `${count(one.busy)} running${idle}${limit}`;
}

const aliasText = (one) => Object.entries(one.aliases)
  .map(([alias, version]) => `${alias} → ${version}`).join(', ');

const triggerText = (one) => h('span', {}, `${one.name}: `,
  one.queue ? queueView(one.queue) : one.source || one.type, ` (${one.state})`);

function functionItem(one) {
  const triggers = list('triggers').filter((trigger) => trigger.function === one.id);
  const ends = [['successes to ', one.onSuccess], ['failures to ', one.onFailure]]
    .filter(([, arn]) => arn).map(([word, arn]) => h('span', {}, word, arnView(arn)));
  return h('li', {}, h('p', { class: 'line' }, h('b', {}, one.id), badge(one.generation, 'note'),
    h('small', {}, limitText(one)),
    h('button', { type: 'button', class: 'small push', 'aria-label': `Invoke ${one.id}`,
      onclick: () => askInvoke(one) }, 'Invoke')),
  pairs([['Code', `${one.runtime}, ${one.handler}`
    + `${one.initializer ? `, initializer ${one.initializer}` : ''}`],
  ['Limits', [`${one.timeout} s`, one.memory ? `${one.memory} MB` : ''].filter(Boolean).join(', ')],
  ['Versions', one.versions.join(', ')], ['Aliases', aliasText(one)],
  ['Triggers', triggers.length ? h('span', {}, listed(triggers.map(triggerText))) : ''],
  ['Asynchronous', ends.length ? h('span', {}, listed(ends)) : ''],
  ['Environment', one.environment.join(', ')],
  ['Changed', one.changed ? clockTime(one.changed) : '']]));
}

const waitingText = () => [
  cloud('waiting') ? `${plural(cloud('waiting'), 'asynchronous invocation')} waiting; put the `
    + 'clock forward to run what is due later.' : '',
  cloud('failed') ? `${plural(cloud('failed'), 'asynchronous invocation')} failed for good.` : '',
].join(' ').trim();

export function functionsView() {
  const functions = h('ul', { class: 'rows' });
  const none = h('div', {});
  const waiting = h('p', { class: 'quiet' });
  const invocations = new Table({ label: 'Invocations',
    columns: COLUMNS.map((one) => ({ ...one })), keyOf: (one) => one.number,
    onOpen: showInvocation, sort: { key: 'at', down: true },
    emptyView: () => empty('No invocations yet.', 'Each is listed here with its event, its '
      + 'answer and its log: by a client, a trigger, or the button Invoke.') });
  return {
    element: h('div', { class: 'view stack' }, h('h2', {}, 'Functions'),
      h('section', { class: 'card', 'aria-label': 'Functions' }, functions, none),
      h('section', { class: 'card flush', 'aria-label': 'Invocations' }, h('header', {},
        h('h3', {}, 'Invocations'), waiting), invocations.element)),
    update(topics) {
      const has = (...names) => ['all', ...names].some((name) => topics.has(name));
      if (has('functions', 'triggers')) {
        const rows = list('functions');
        const ofFunction = (one) => list('triggers').filter((other) => other.function === one.id);
        drawList(functions, rows, (one) => one.id, functionItem,
          (one) => JSON.stringify([one, ofFunction(one)]));
        drawIfNew(none, rows.length > 0, () => (rows.length ? [] : empty('No functions yet.',
          'Name one in the fleet file, under function, or deploy one to this address with an SDK '
          + 'of Function Compute: aliyun-fc2 or fc20230330.')));
      }
      if (has('invocations')) invocations.setRows(list('invocations'));
      if (has('cloud')) drawIfNew(waiting, waitingText(), waitingText);
    },
  };
}
