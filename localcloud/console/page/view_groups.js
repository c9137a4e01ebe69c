// All scaling groups at a glance; what happened last beside them.
import { drawIfNew, drawList, empty, h } from './dom.js';
import { cloud, data, list, newestFirst, now, ofGroup } from './data.js';
import { badge, count, dot, plural, STATES, stateBar, stateText } from './format.js';
import { sparkline } from './chart.js';
import { activityItem, tickActivities } from './activity.js';
import { decisionView } from './why.js';
import { askNewGroup } from './group_actions.js';

const MAX_LAST = 6;

function scaleView(group) {
  const whole = Math.max(group.max, group.total, 1);
  const scale = h('span', { class: 'scale' });
  const bar = stateBar(group.states, group.total);
  bar.style.width = `${group.total / whole * 100}%`;
  scale.append(bar);
  const mark = (kind, value) => {
    if (value === null) return;
    const node = h('i', { class: `mark ${kind}`, title: `${kind} ${value}` });
    node.style.left = `calc(${Math.min(100, value / whole * 100)}% - 1px)`;
    scale.append(node);
  };
  mark('min', group.min);
  mark('desired', group.desired);
  return scale;
}

// What the bar and its marks mean.
const legend = () => h('ul', { class: 'legend scales' },
  STATES.slice(0, 5).map((state) => h('li', {}, dot(state), state)),
  h('li', {}, h('i', { class: 'mark min' }), 'MinSize'),
  h('li', {}, h('i', { class: 'mark desired' }), 'Desired capacity'),
  h('li', {}, 'The bar’s whole length is MaxSize.'));

// The region and account of a group, where they are others than the cloud's own.
function placeText(group) {
  const [account, region] = cloud('home').split('/');
  return (group.region === region ? '' : ` · ${group.region}`)
    + (group.account === account ? '' : ` · account ${group.account}`);
}

// That the numbers beside it are weights, not instances.
const weightText = (group) => (group.weighted && group.count
  ? ` · capacity of ${plural(group.count, 'instance')}` : '');

function groupItem(group) {
  const desired = group.desired === null ? '' : ` · desired ${count(group.desired)}`;
  const suspended = group.suspended.length
    ? badge(`suspended: ${group.suspended.join(', ')}`, 'warn') : null;
  const isActive = group.state === 'Active';
  return h('li', {}, h('a', { href: `#/groups/${encodeURIComponent(group.id)}`,
    'aria-label': `Scaling group ${group.id}` },
  h('span', {}, h('span', { class: 'name' }, group.name || group.id),
    h('br'), h('small', { class: 'mono' }, `${group.id}${placeText(group)}`)),
  h('span', {}, h('span', { class: 'sizes' },
    h('small', {}, `${stateText(group.states)}${weightText(group)}`),
    h('small', {}, `${count(group.min)} to ${count(group.max)}${desired}`)), scaleView(group),
  isActive && !suspended ? null : h('span', { class: 'chips' },
    isActive ? null : badge(group.state), suspended)),
  h('span', { class: 'trend', 'data-group': group.id }),
  h('span', { class: 'total number' }, count(group.total))));
}

export function groupsView() {
  const head = h('header', { class: 'head' }, h('h2', {}, 'Scaling groups'), h('small', {}),
    h('span', { class: 'buttons' },
      h('a', { class: 'button', href: '/localcloud/state', download: 'fleet.json' }, 'Save state'),
      h('button', { type: 'button', onclick: askNewGroup }, 'New group')));
  const groups = h('ul', { class: 'group-list' });
  const none = h('div', {});
  const key = h('div', {});
  const activities = h('ul', { class: 'rows' });
  const decisions = h('ol', { class: 'rows', id: 'decisions' });
  const waiting = h('p', { class: 'quiet' });
  const card = (title, link, body) => h('section', { class: 'card', 'aria-label': title },
    h('header', {}, h('h3', {}, title), h('a', { class: 'text push', href: link }, 'All')), body);
  const noActivities = h('div', {});
  const noDecisions = h('div', {});
  const element = h('div', { class: 'view stack' }, h('div', {}, head,
    h('section', { class: 'card flush', 'aria-label': 'Scaling groups' }, groups, none, key)),
  h('div', { class: 'columns' },
    card('Last decisions', '#/decisions', h('div', {}, waiting, decisions, noDecisions)),
    card('Last activities', '#/activities', h('div', {}, activities, noActivities))));
  return {
    element,
    update(topics) {
      const rows = list('groups');
      drawIfNew(head.querySelector('small'), [rows.length, data.instances.size], () =>
        `${plural(rows.length, 'group')}, ${plural(data.instances.size, 'instance')}`);
      drawList(groups, rows, (group) => group.id, groupItem);
      drawIfNew(key, rows.length > 0, () => (rows.length ? legend() : []));
      drawIfNew(none, rows.length, () => (rows.length ? [] : empty('No scaling groups yet.',
        'Create one here or with any SDK, or start with a fleet file: --fleet FILE.',
        h('button', { onclick: askNewGroup }, 'New group'))));
      const last = newestFirst('activities', 'began').slice(0, MAX_LAST);
      drawList(activities, last, (one) => one.id, activityItem);
      drawIfNew(noActivities, last.length > 0, () => (last.length ? [] : empty('No activities yet.',
        'They begin when a group grows or shrinks: fire an event, remove an instance, or change '
        + 'a size.')));
      const made = newestFirst('decisions', 'number').slice(0, MAX_LAST);
      drawList(decisions, made, (one) => one.number, decisionView, (one) => one.number);
      drawIfNew(noDecisions, made.length > 0, () => (made.length ? [] : empty('No decisions yet.',
        'They are what a function answers.',
        h('a', { class: 'button', href: '#/events' }, 'Fire an event'))));
      const number = cloud('waiting') ?? 0;
      drawIfNew(waiting, number, () => (number ? `${plural(number, 'invocation')} waiting; put `
        + 'the clock forward to run.' : ''));
      if (['all', 'points', 'groups'].some((topic) => topics.has(topic))) this.drawTrends();
    },
    drawTrends() {
      const end = now().getTime() / 1000;
      for (const place of groups.querySelectorAll('.trend')) {
        const points = ofGroup('points', place.dataset.group);
        drawIfNew(place, [points.length, points.at(-1)?.at], () => sparkline(points, end));
      }
    },
    tick: () => tickActivities(element),
  };
}
