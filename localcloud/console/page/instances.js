// The instances of a group: a table with search, states, sort and selection; details of one.
import { drawIfNew, empty, h, pairs, setText } from './dom.js';
import { data, list, ofGroup, subscribe } from './data.js';
import { badge, clockTime, count, day, dot, family, plural, STATES, stateView } from './format.js';
import { instanceButtons } from './instance_actions.js';
import { openDrawer } from './drawer.js';
import { MAX_IDS } from './requests.js';
import { backendPairs } from './balancers.js';
import { Table } from './table.js';
import { reasonsView, whyById, whyText } from './why.js';

const metricText = (one) => Object.entries(one.metrics ?? {})
  .map(([name, value]) => `${name} ${value}`).join(', ');

function whyView(one) {
  const why = whyById().get(one.id);
  if (!why) return h('span', {});
  const kinds = { removed: 'bad', selected: 'warn', retained: 'good' };
  return h('span', { class: 'line' }, badge(why.verdict, kinds[why.verdict] ?? 'bad'),
    h('span', { class: 'quiet' }, ` ${why.reason}`));
}

const TOPICS = ['instances', 'backends', 'balancers', 'decisions', 'activities'];
const COLUMNS = [
  { key: 'id', title: 'Instance', width: 'minmax(166px, 1.1fr)', value: (one) => one.id,
    style: 'mono' },
  { key: 'state', title: 'State', width: '112px', value: (one) => one.state,
    cell: (one) => stateView(one.state) },
  { key: 'why', title: 'Why', width: 'minmax(120px, 1.4fr)', value: (one) => whyText(one.id),
    cell: whyView },
  { key: 'health', title: 'Health', width: '84px', value: (one) => one.health,
    cell: (one) => (one.health === 'Healthy' ? h('span', { class: 'quiet' }, one.health)
      : badge(one.health, 'bad')) },
  { key: 'zone', title: 'Zone', width: '106px', value: (one) => one.zone },
  { key: 'joined', title: 'Joined', width: '124px', value: (one) => day(one.joined),
    sort: (one) => one.joined },
  { key: 'type', title: 'Type', width: '92px', value: (one) => one.type },
  { key: 'metrics', title: 'Metrics', width: 'minmax(140px, 1fr)', value: metricText,
    sort: (one) => Object.values(one.metrics ?? {})[0] ?? -1 },
];

export class Instances {
  constructor(group) {
    this.group = group;
    this.states = new Set();
    this.table = new Table({
      label: `Instances of ${group}`, columns: COLUMNS.map((one) => ({ ...one })),
      keyOf: (one) => one.id, onOpen: (one) => one && showInstance(one),
      onSelect: () => this.drawSelection(),
      emptyView: (isFiltered) => (isFiltered
        ? empty('No instance matches.', 'Clear the search and the states to see all.')
        : empty('No instances.', 'Raise MinSize or the desired capacity, or attach some.')),
    });
    this.search = h('input', { type: 'search', 'aria-label': 'Search instances',
      placeholder: 'Id, zone, type, why', oninput: () => this.filter() });
    this.chips = h('span', { class: 'chips', role: 'group', 'aria-label': 'States' });
    this.result = h('span', { class: 'result push', role: 'status' });
    this.selected = h('b', {});
    this.limit = h('small', { role: 'status' });
    this.selection = h('div', { class: 'selection', hidden: true, role: 'group',
      'aria-label': 'Selected instances' }, this.selected,
    instanceButtons(group, () => [...this.table.selection]), this.limit,
    h('button', { class: 'plain small push', type: 'button',
      onclick: () => this.table.selectAll(false) }, 'Clear'));
    this.element = h('section', { class: 'card flush', 'aria-label': 'Instances' },
      h('div', { class: 'toolbar' }, h('h3', {}, 'Instances'), this.search, this.chips,
        this.result), this.selection, this.table.element);
  }

  update(topics) {
    if (['all', 'instances'].some((topic) => topics.has(topic))) {
      const rows = ofGroup('instances', this.group);
      this.drawChips(rows);
      this.table.setRows(rows);
      this.drawResult();
    }
    if (topics.has('decisions')) this.table.refresh();
  }

  filter() {
    const wanted = this.search.value.trim().toLowerCase();
    const texts = (one) => [one.id, one.zone, one.type, one.health, one.configuration,
      one.creation, one.spot, whyText(one.id)].join(' ').toLowerCase();
    this.table.setFilter(wanted || this.states.size ? (one) =>
      (!this.states.size || this.states.has(family(one.state)))
      && (!wanted || texts(one).includes(wanted)) : null);
    this.drawResult();
  }

  drawResult() {
    const { shown, all } = this.table;
    setText(this.result, shown.length === all.length ? plural(all.length, 'instance')
      : `${count(shown.length)} of ${count(all.length)}`);
  }

  drawSelection() {
    const number = this.table.selection.size;
    this.selection.hidden = !number;
    setText(this.selected, `${count(number)} selected`);
    const isTooMany = number > MAX_IDS;
    for (const button of this.selection.querySelectorAll('[data-one-call]')) {
      button.disabled = isTooMany;
    }
    setText(this.limit, isTooMany
      ? `One call removes or detaches up to ${MAX_IDS} instances. Select fewer.` : '');
  }

  drawChips(rows) {
    const countByState = new Map();
    for (const row of rows) {
      const state = family(row.state);
      countByState.set(state, (countByState.get(state) ?? 0) + 1);
    }
    const shown = STATES.filter((state) => countByState.has(state) || this.states.has(state))
      .map((state) => [state, countByState.get(state) ?? 0, this.states.has(state)]);
    const focused = document.activeElement?.dataset?.state;
    const isNew = drawIfNew(this.chips, shown, () => shown.map(([state, number, isChosen]) =>
      h('button', { type: 'button', class: 'chip', 'aria-pressed': String(isChosen),
        'data-state': state, onclick: () => this.toggle(state) }, dot(state), state,
      h('b', {}, count(number)))));
    if (isNew && focused) this.chips.querySelector(`[data-state=${focused}]`)?.focus();
  }

  toggle(state) {
    if (!this.states.delete(state)) this.states.add(state);
    this.drawChips(this.table.all);
    this.filter();
  }
}

function instanceDetails(one) {
  const why = whyById().get(one.id);
  const activities = list('activities').filter((activity) =>
    [activity.removing, activity.joining, activity.turning].some((ids) => ids.includes(one.id)));
  const behind = backendPairs(one);
  return h('div', {},
    pairs([['State', stateView(one.state)], ['Health', badge(one.health)], ['Zone', one.zone],
      ['Type', one.type], ['Joined', day(one.joined)], ['Creation', one.creation],
      ['Configuration', one.configuration], ['Weight', one.weight === 1 ? '' : one.weight],
      ['Spot', one.spot], ['Metrics', metricText(one)]]),
    behind.length ? [h('h3', {}, 'Load balancers'), pairs(behind)] : null,
    h('h3', {}, 'Do'), instanceButtons(one.group, () => [one.id]),
    h('h3', {}, 'Why'), why ? h('div', {},
      h('p', {}, `${why.verdict}${why.reason ? `: ${why.reason}` : ''}`),
      h('p', { class: 'quiet' }, `${clockTime(why.decision.at)} · ${why.outcome.message ?? ''}`),
      reasonsView(why.outcome))
      : h('p', { class: 'quiet' }, 'No decision names this instance yet.'),
    h('h3', {}, 'Activities'), activities.length
      ? h('ul', { class: 'rows' }, activities.map((activity) => h('li', {},
        h('p', { class: 'line' }, badge(activity.status), activity.description,
          h('small', { class: 'push' }, clockTime(activity.began))))))
      : h('p', { class: 'quiet' }, 'None.'));
}

function showInstance(instance) {
  const place = h('div', {});
  const key = `${instance.group} ${instance.id}`;
  const draw = () => {
    const one = data.instances.get(key);
    const inputs = [one, one && backendPairs(one), whyText(instance.id), data.activities.size];
    drawIfNew(place, inputs, () => (one ? instanceDetails(one)
      : empty('The instance is no longer in the group.')));
  };
  const stop = subscribe((topics) => {
    if (TOPICS.some((topic) => topics.has(topic))) draw();
  });
  draw();
  openDrawer(instance.id, place, stop);
}
