// Faults that clients of the API meet: the next calls, a share, rate limits, reads that lag.
import { drawIfNew, empty, h } from './dom.js';
import { cloud } from './data.js';
import { faultView, showFault, valuesOf } from './dialogs.js';
import { attempt, get, post } from './requests.js';
import { badge } from './format.js';

function formOf(title, lead, fields, action, run) {
  const fault = faultView();
  const form = h('form', { class: 'form', onsubmit: async (event) => {
    event.preventDefault();
    showFault(fault, null);
    try {
      await run(valuesOf(form));
    } catch (error) {
      showFault(fault, error);
    }
  } }, h('div', { class: 'row' }, fields, h('button', { class: 'first', type: 'submit' }, action)),
  fault);
  return h('section', { class: 'card', 'aria-label': title }, h('header', {}, h('h3', {}, title)),
    h('p', { class: 'quiet' }, lead), h('br'), form);
}

const field = (label, input) => h('label', {}, h('span', {}, label), input);
const number = (name, value, step = 'any') =>
  h('input', { type: 'number', name, value, min: 0, step });

const send = (body) => post('/localcloud/faults', body);

function limitText(limit) {
  if (!limit) return 'no call';
  return limit < 1 ? `1 call in ${Number((1 / limit).toFixed(1))} s` : `${limit} calls a second`;
}

function pendingView(faults) {
  const happened = Object.entries(faults.happened).map(([kind, times]) => `${kind} ${times}`);
  const items = faults.pending.map((one) => h('li', {}, h('p', { class: 'line' },
    badge(`${one.times} more`, 'warn'), h('b', {}, one.kind),
    h('small', {}, one.action === '*' ? 'any action' : one.action))));
  if (faults.rate) {
    items.push(h('li', {}, h('p', { class: 'line' },
      badge(`${faults.rate * 100} % of calls`, 'warn'), h('b', {}, faults.kinds.join(', ')))));
  }
  if (faults.lists || faults.history) {
    items.push(h('li', {}, h('p', { class: 'line' }, badge('reads lag', 'warn'),
      h('small', {}, `lists ${faults.lists} s, history ${faults.history} s`))));
  }
  for (const [action, limit] of Object.entries(faults.rateLimits)) {
    items.push(h('li', {}, h('p', { class: 'line' }, badge(limitText(limit), 'warn'),
      h('b', {}, action === '*' ? 'each other action' : action), h('small', {}, 'rate limit'),
      h('button', { type: 'button', class: 'small push', 'aria-label': `End the limit of ${action}`,
        onclick: () => attempt(() => send({ rateLimits: { [action]: null } }),
          'The rate limit has ended.') }, 'End'))));
  }
  return [items.length ? h('ul', { class: 'rows' }, items)
    : empty('No fault is due.', 'Clients get true answers.'),
  happened.length ? h('p', { class: 'quiet' }, `So far: ${happened.join(', ')}.`) : null];
}

export function faultsView() {
  const kinds = h('select', { name: 'kind' });
  const rateKinds = h('select', { name: 'rateKind' });
  const actions = h('datalist', { id: 'actions' });
  const pending = h('div', {});
  const next = formOf('The next calls', 'What the next calls of an action meet.', [
    field('Fault', kinds),
    field('Action', h('input', { name: 'action', list: 'actions', placeholder: 'any' })),
    field('Times', number('times', 1, '1')),
    field('Seconds, for slow and drip', number('seconds', 1)),
  ], 'Inject', ({ kind, action, times, seconds }) => send({ kind, action: action || '*',
    times: Number(times), seconds: Number(seconds) }));
  const share = formOf('A share of all calls', 'At random; the same seed gives the same faults. '
    + '0 ends it.', [field('Fault', rateKinds), field('Percent of calls', number('rate', 10)),
    field('Seed', number('seed', 1, '1'))], 'Set', ({ rateKind, rate, seed }) => send({
    rate: rate / 100, kinds: [rateKind], seed: Number(seed) }));
  const lag = formOf('Reads that show the past', 'Lists and the history of activities, each as it '
    + 'was so many seconds ago.', [field('Lists, seconds', number('lists', 30)),
    field('History, seconds', number('history', 60))], 'Set', ({ lists, history }) => send({
    lag: { lists: Number(lists), history: Number(history) } }));
  const limits = formOf('Rate limits', 'How many calls of an action an account may make in a '
    + 'second, by the cloud’s clock; one more meets Throttling.User. 0.5: one in two seconds. '
    + 'Without an action: of each that has no limit of its own.', [
    field('Action', h('input', { name: 'action', list: 'actions', placeholder: 'each' })),
    field('Calls a second', number('calls', 5))], 'Set', ({ action, calls }) => send({
    rateLimits: { [action || '*']: Number(calls) } }));
  const clear = h('button', { type: 'button', class: 'small push', onclick: () =>
    attempt(() => post('/localcloud/faults', {}, 'DELETE'), 'All faults have ended.') }, 'End all');
  load(kinds, rateKinds, actions);
  return {
    element: h('div', { class: 'view stack' }, h('h2', {}, 'Faults'), actions,
      h('section', { class: 'card', 'aria-label': 'Due' }, h('header', {}, h('h3', {}, 'Due'),
        clear), pending), next, share, limits, lag),
    update() {
      const faults = cloud('faults');
      if (faults) drawIfNew(pending, faults, () => pendingView(faults));
    },
  };
}

async function load(kinds, rateKinds, actions) {
  await attempt(async () => {
    const faults = await get('/localcloud/faults');
    for (const select of [kinds, rateKinds]) {
      select.replaceChildren(...faults.known.map((kind) => h('option', { value: kind }, kind)));
    }
    actions.replaceChildren(...faults.actions.map((name) => h('option', { value: name })));
  });
}
