// One scaling group: sizes, capacity over time, zones, instances, its activities.
import { drawIfNew, drawList, empty, h } from './dom.js';
import { data, ofGroup } from './data.js';
import { badge, clockTime, count, plural, stateBar } from './format.js';
import { balancersCard } from './balancers.js';
import { activityItem, tickActivities } from './activity.js';
import { CapacityChart } from './chart.js';
import { groupButtons } from './group_actions.js';
import { Instances } from './instances.js';

const MAX_ACTIVITIES = 12;
const CHART_TICKS = 5;

function headView(group) {
  const isNamed = group.name && group.name !== group.id;
  return [h('h2', {}, group.name || group.id),
    isNamed ? h('span', { class: 'mono quiet' }, group.id) : null, badge(group.state),
    ...group.suspended.map((name) => badge(`${name} suspended`, 'warn')),
    group.protected ? badge('protected from deletion', 'note') : null, groupButtons(group)];
}

function tilesView(group) {
  const of = (...states) => states.reduce((sum, state) => sum + (group.states[state] ?? 0), 0);
  const tile = (title, value, note = '') => h('div', { class: 'tile' }, h('dt', {}, title),
    h('dd', { class: 'number' }, value, note ? h('small', {}, ` ${note}`) : null));
  const weight = group.weighted ? 'capacity' : '';
  return [
    tile('TotalCapacity', count(group.total),
      group.weighted ? `in ${plural(group.count, 'instance')}` : ''),
    tile('In service', count(of('InService')), weight),
    tile('Protected', count(of('Protected')), weight),
    tile('Standby', count(of('Standby')), weight),
    tile('Pending', count(of('Pending', 'Pending:Wait')), weight),
    tile('Removing', count(of('Removing', 'Removing:Wait')), weight),
    tile('MinSize', count(group.min)), tile('MaxSize', count(group.max)),
    tile('Desired', group.desired === null ? 'none' : count(group.desired)),
  ];
}

function zonesOf(instances) {
  const zones = new Map();
  for (const one of instances) {
    if (!zones.has(one.zone)) zones.set(one.zone, {});
    const states = zones.get(one.zone);
    states[one.state] = (states[one.state] ?? 0) + 1;
  }
  return [...zones].sort().map(([zone, states]) =>
    [zone, Object.values(states).reduce((sum, number) => sum + number, 0), states]);
}

function zonesView(group, zones) {
  const largest = Math.max(1, ...zones.map(([, number]) => number));
  const lines = zones.map(([zone, number, states]) => h('div', {},
    h('p', { class: 'line' }, h('span', {}, zone),
      h('b', { class: 'number' }, group.weighted ? plural(number, 'instance') : count(number))),
    stateBar(states, largest)));
  const cooldown = group.cooldownUntil ? `Cooldown until ${clockTime(group.cooldownUntil)}. ` : '';
  return [...(lines.length ? lines : [h('p', { class: 'quiet' }, 'No instances.')]),
    h('p', { class: 'quiet' }, `${cooldown}Zones: ${group.multiAZPolicy}. `
      + `Removes by ${group.removalPolicies.join(', ')}. Health check: ${group.healthCheckType}.`)];
}

export function groupView(id) {
  const head = h('header', { class: 'head' });
  const tiles = h('dl', { class: 'tiles' });
  const zones = h('div', { class: 'zones' });
  const activities = h('ul', { class: 'rows' });
  const none = h('div', {});
  const chart = new CapacityChart();
  const instances = new Instances(id);
  const balancers = balancersCard(id);
  const missing = h('div', { hidden: true });
  const content = h('div', { class: 'stack' }, h('div', {}, head, tiles,
    h('div', { class: 'grid-2' }, chart.element,
      h('section', { class: 'card', 'aria-label': 'Zones' }, h('header', {},
        h('h3', {}, 'Zones')), zones))), instances.element, balancers.element,
  h('section', { class: 'card', 'aria-label': 'Activities' }, h('header', {},
    h('h3', {}, 'Activities'), h('a', { class: 'text push', href: '#/activities' }, 'All')),
  activities, none));
  let ticks = 0;
  const element = h('article', { class: 'view', 'aria-label': `Scaling group ${id}` }, content,
    missing);
  return {
    title: id,
    element,
    update(topics) {
      const group = data.groups.get(id);
      content.hidden = !group;
      missing.hidden = Boolean(group) || !data.cloud.size;
      if (!group) {
        drawIfNew(missing, 'missing', () => empty(`There is no scaling group ${id}.`,
          h('a', { class: 'button', href: '#/groups' }, 'All scaling groups')));
        return;
      }
      drawIfNew(head, [group.name, group.state, group.suspended, group.protected],
        () => headView(group));
      drawIfNew(tiles, group, () => tilesView(group));
      if (['all', 'instances', 'groups'].some((topic) => topics.has(topic))) {
        const byZone = zonesOf(ofGroup('instances', id));
        drawIfNew(zones, [byZone, group.cooldownUntil, group.removalPolicies], () =>
          zonesView(group, byZone));
      }
      if (topics.has('all') || topics.has('points')) chart.setPoints([...ofGroup('points', id)]);
      instances.update(topics);
      if (['all', 'balancers'].some((topic) => topics.has(topic))) balancers.update();
      if (topics.has('all') || topics.has('activities')) this.drawActivities();
    },
    drawActivities() {
      const own = [...ofGroup('activities', id)]
        .sort((one, other) => (one.began < other.began ? 1 : -1)).slice(0, MAX_ACTIVITIES);
      drawList(activities, own, (one) => one.id, activityItem);
      drawIfNew(none, own.length > 0, () => (own.length ? [] : empty('No activities yet.',
        'They begin when the group grows or shrinks.')));
    },
    tick() {
      tickActivities(element);
      ticks += 1;
      if (ticks % CHART_TICKS === 0) chart.draw();
    },
  };
}
