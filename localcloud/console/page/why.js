// Why an instance was selected or retained: what the last decision that names it says.
import { h } from './dom.js';
import { data } from './data.js';
import { badge, clockTime } from './format.js';

const cache = { newest: null, count: -1, whyById: new Map() };

const valueText = (value) => (value === null || value === undefined ? '' : ` ${value}`);

function rankText(rank) {
  return `${rank.by}${valueText(rank.value)}`;
}

function verdictsOf(outcome) {
  const rankById = new Map((outcome.rankedBy ?? []).map((rank) => [rank.id, rankText(rank)]));
  const removed = new Set(outcome.removed ?? []);
  const selected = (outcome.selected ?? []).map((id) => [id,
    removed.has(id) ? 'removed' : 'selected', rankById.get(id) ?? '']);
  const failed = (outcome.notRemoved ?? []).map(({ id, code }) => [id, 'not removed', code]);
  const retained = (outcome.retained ?? []).map(({ id, reason }) => [id, 'retained', reason]);
  return [...retained, ...selected, ...failed];
}

// Returns by instance id: { verdict, reason, decision, outcome }, of the newest decision.
export function whyById() {
  const decisions = [...data.decisions.values()].sort((one, other) => one.number - other.number);
  const newest = decisions.at(-1);
  if (cache.newest === newest && cache.count === decisions.length) return cache.whyById;
  const whys = new Map();
  for (const decision of decisions) {
    for (const outcome of decision.outcomes) {
      for (const [id, verdict, reason] of verdictsOf(outcome ?? {})) {
        whys.set(id, { verdict, reason, decision, outcome });
      }
    }
  }
  Object.assign(cache, { newest, count: decisions.length, whyById: whys });
  return whys;
}

export const whyText = (id) => {
  const why = whyById().get(id);
  if (!why) return '';
  return why.reason ? `${why.verdict}: ${why.reason}` : why.verdict;
};

export function reasonsView(outcome) {
  const line = (id, verdict, reason) => h('li', {}, h('span', { class: 'mono' }, id),
    h('span', {}, reason ? `${verdict}: ${reason}` : verdict));
  const items = verdictsOf(outcome).map(([id, verdict, reason]) => line(id, verdict, reason));
  const limits = (outcome.limits ?? []).map((limit) => h('li', {},
    h('span', { class: 'mono' }, limit.guardrail),
    h('span', {}, `allows ${limit.allows} ${limit.unit}: ${limit.detail}`)));
  const all = [...items, ...limits];
  if (!all.length) return null;
  const summary = h('summary', {}, `${all.length} reason${all.length === 1 ? '' : 's'}`);
  return h('details', {}, summary, h('ul', { class: 'reasons' }, all));
}

export function outcomeView(outcome) {
  const shown = outcome ?? {};
  const ids = (shown.selected ?? []).join(', ');
  return h('div', { class: 'outcome' },
    h('p', { class: 'line' }, badge(shown.status ?? 'answered'),
      shown.scalingGroupId ? h('b', {}, shown.scalingGroupId) : null,
      ids ? h('span', { class: 'mono' }, ids) : null),
    h('p', {}, String(shown.message ?? '')), reasonsView(shown));
}

export function decisionView(decision) {
  const raised = decision.failed ? ' · raised, so that it is delivered again' : '';
  return h('li', { 'data-number': decision.number },
    h('p', { class: 'line quiet' }, h('span', { class: 'number' }, clockTime(decision.at)),
      h('span', {}, `${decision.function}${raised}`)),
    ...decision.outcomes.slice(0, 20).map(outcomeView),
    decision.outcomes.length > 20
      ? h('p', { class: 'quiet' }, `and ${decision.outcomes.length - 20} more outcomes`) : null);
}
