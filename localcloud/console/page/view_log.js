// The log: calls, invocations, messages, hooks, alarms and faults, newest first.
import { empty, h, pairs } from './dom.js';
import { list } from './data.js';
import { badge, clockTime, json } from './format.js';
import { openDrawer } from './drawer.js';
import { queueOf } from './links.js';
import { Table } from './table.js';

const KINDS = { call: 'Calls', invocation: 'Invocations', message: 'Messages', hook: 'Hooks',
  alarm: 'Alarms', fault: 'Faults' };
const isError = (one) => Number(one.status) >= 400 || Boolean(one.code) || one.kind === 'fault'
  || one.status === 'ALARM';

const COLUMNS = [
  { key: 'n', title: 'When', width: '118px', value: (one) => clockTime(one.at),
    sort: (one) => `${one.at} ${String(one.n).padStart(9, '0')}` },
  { key: 'kind', title: 'Kind', width: '78px', value: (one) => one.kind },
  { key: 'what', title: 'What', width: 'minmax(178px, 1.6fr)', value: (one) => one.what },
  { key: 'status', title: 'Status', width: '84px', value: (one) => one.status,
    cell: (one) => badge(one.status ?? '') },
  { key: 'code', title: 'Code', width: 'minmax(116px, 1fr)', value: (one) => one.code },
  { key: 'ms', title: 'ms', width: '58px', value: (one) => one.ms ?? '', end: true },
  { key: 'who', title: 'Caller or receiver', width: 'minmax(137px, 1.1fr)',
    value: (one) => (queueOf(one.who) ? `queue ${queueOf(one.who)}` : one.who) },
  { key: 'group', title: 'Group', width: 'minmax(84px, .6fr)', value: (one) => one.group },
  { key: 'requestId', title: 'Request id', width: '120px', value: (one) => one.requestId,
    style: 'mono' },
];

function showEntry(one) {
  openDrawer(one.what, h('div', {}, pairs([['Kind', one.kind], ['When', clockTime(one.at)],
    ['Status', badge(one.status ?? '')], ['Code', one.code], ['Caller or receiver', one.who],
    ['Group', one.group], ['Region', one.region], ['Milliseconds', one.ms],
    ['Request id', one.requestId ? h('span', { class: 'mono' }, one.requestId) : '']]),
  ...(one.detail ? [h('h3', {}, one.kind === 'call' ? 'Parameters' : 'Content'),
    json(one.detail)] : [])), null, 'wide');
}

export function logView() {
  const chosen = new Set();
  const table = new Table({
    label: 'Log', columns: COLUMNS.map((one) => ({ ...one })), keyOf: (one) => one.n,
    onOpen: showEntry, sort: { key: 'n', down: true },
    emptyView: (isFiltered) => (isFiltered
      ? empty('No entry matches.', 'Clear the search and the kinds to see all.')
      : empty('Nothing has happened yet.', 'Point an SDK at this address, or do something here: '
        + 'each call is listed, with its answer.')),
  });
  const errors = h('input', { type: 'checkbox', onchange: () => filter() });
  const search = h('input', { type: 'search', 'aria-label': 'Search the log',
    placeholder: 'Action, caller, code, id', oninput: () => filter() });
  const chips = Object.entries(KINDS).map(([kind, title]) => {
    const chip = h('button', { type: 'button', class: 'chip', 'aria-pressed': 'false',
      onclick: () => {
        if (!chosen.delete(kind)) chosen.add(kind);
        chip.setAttribute('aria-pressed', chosen.has(kind));
        filter();
      } }, title);
    return chip;
  });
  function filter() {
    const wanted = search.value.trim().toLowerCase();
    table.setFilter((one) => (!chosen.size || chosen.has(one.kind))
      && (!errors.checked || isError(one))
      && (!wanted || JSON.stringify(one).toLowerCase().includes(wanted)));
  }
  return {
    isFixed: true,
    element: h('div', { class: 'view' }, h('header', { class: 'head' }, h('h2', {}, 'Log')),
      h('section', { class: 'card flush', 'aria-label': 'Log' }, h('div', { class: 'toolbar' },
        search, h('span', { class: 'chips', role: 'group', 'aria-label': 'Kinds' }, chips),
        h('label', { class: 'state' }, errors, 'Errors only')), table.element)),
    update(topics) {
      if (topics.has('all') || topics.has('log')) table.setRows(list('log'));
    },
  };
}
