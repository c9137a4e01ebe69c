// Starts the page: the frame around the views, the route of each, and the clock.
import { drawList, h, setAttribute, setText } from './dom.js';
import { cloud, connect, connection, data, list, now, subscribe } from './data.js';
import { chosenPlace, drawPlace } from './place.js';
import { attempt, post } from './requests.js';
import { askForm } from './dialogs.js';
import { closeDrawer } from './drawer.js';
import { count } from './format.js';
import { activitiesView } from './view_activities.js';
import { alarmsView } from './view_alarms.js';
import { apiView } from './view_api.js';
import { decisionsView } from './view_decisions.js';
import { eventsView } from './view_events.js';
import { faultsView } from './view_faults.js';
import { functionsView } from './view_functions.js';
import { groupView } from './view_group.js';
import { groupsView } from './view_groups.js';
import { hooksView } from './view_hooks.js';
import { logView } from './view_log.js';
import { queueView } from './view_queue.js';
import { queuesView } from './view_queues.js';

const byId = (id) => document.getElementById(id);
const running = () => list('activities').filter((one) => one.status === 'InProgress').length;
const held = () => list('held').filter((one) => one.status === 'Pending').length;
const alarming = () => [...list('alarms'), ...list('metricRules')]
  .filter((one) => one.state === 'ALARM').length;
const queued = () => list('queues').reduce((sum, one) => sum + one.active + one.inactive
  + one.delayed, 0);
const faulty = () => (cloud('faults')?.pending ?? []).reduce((sum, one) => sum + one.times, 0)
  + (cloud('faults')?.rate ? 1 : 0) + Object.keys(cloud('faults')?.rateLimits ?? {}).length;
const none = () => [0, ''];
const PARTS = {
  'Auto Scaling': [
    ['groups', 'Scaling groups', groupsView, () => [data.groups.size, '']],
    ['activities', 'Activities', activitiesView, () => [running(), 'busy']],
    ['alarms', 'Alarms and rules', alarmsView, () => [alarming(), 'alert']],
    ['hooks', 'Lifecycle hooks', hooksView, () => [held(), 'busy']],
  ],
  Functions: [
    ['events', 'Fire an event', eventsView, none],
    ['decisions', 'Decisions', decisionsView, () => [data.decisions.size, '']],
    ['functions', 'Functions', functionsView, () => [data.functions.size, '']],
    ['queues', 'Queues and triggers', queuesView, () => [queued(), 'busy']],
  ],
  'This cloud': [
    ['log', 'Log', logView, none],
    ['faults', 'Faults', faultsView, () => [faulty(), 'alert']],
    ['api', 'API', apiView, none],
  ],
};
const SECTIONS = Object.values(PARTS).flat();
const DETAILS = { groups: groupView, queues: queueView };
const TOPICS_OF_SIDE = ['groups', 'activities', 'decisions', 'alarms', 'metricRules', 'held',
  'functions', 'queues', 'cloud'];
const TICK_MS = 1_000;
let view = null;
let route = '';

function buildSide() {
  const linkOf = ([name, title]) => h('li', {}, h('a', { href: `#/${name}`,
    'data-section': name }, h('span', {}, title), h('span', { class: 'count' })));
  const parts = Object.entries(PARTS).map(([title, sections]) => [h('h3', {}, title),
    h('ul', { 'aria-label': title }, sections.map(linkOf))]);
  const groups = h('div', { class: 'groups' }, h('h3', {}, 'Groups'),
    h('ul', { id: 'side-groups' }));
  document.querySelector('.side').append(...parts.flat(), groups);
}

function drawSide() {
  for (const [name, , , countOf] of SECTIONS) {
    const place = document.querySelector(`[data-section=${name}] .count`);
    const [number, kind] = countOf();
    setText(place, number ? count(number) : '');
    setAttribute(place, 'class', `count ${number ? kind : ''}`);
  }
  drawList(byId('side-groups'), list('groups'), (group) => group.id, (group) =>
    h('li', {}, h('a', { href: `#/groups/${encodeURIComponent(group.id)}`, title: group.id },
      h('span', {}, group.name || group.id), h('span', { class: 'count' }, count(group.total)))),
  (group) => `${group.name} ${group.total}`);
  markPlace();
}

function markPlace() {
  for (const link of document.querySelectorAll('.side a')) {
    const isExact = link.getAttribute('href') === `#/${route}`;
    const isAbove = route.startsWith('queues/') && link.dataset.section === 'queues';
    setAttribute(link, 'aria-current', isExact || isAbove ? 'page' : null);
  }
}

function go() {
  const parts = location.hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent);
  if (location.hash === '#main') return;
  const section = SECTIONS.find(([name]) => name === parts[0]) ?? SECTIONS[0];
  route = location.hash.replace(/^#\/?/, '') || 'groups';
  closeDrawer();
  const make = parts[1] && DETAILS[section[0]] ? DETAILS[section[0]] : section[2];
  view = make(parts[1]);
  const main = byId('main');
  const hadFocus = main.contains(document.activeElement);
  main.className = view.isFixed ? 'fixed' : '';
  main.replaceChildren(view.element);
  main.scrollTop = 0;
  if (hadFocus) main.focus();
  document.title = `${view.title ?? section[1]} · Local Auto Scaling`;
  if (data.cloud.size) view.update(new Set(['all']));
  markPlace();
  // In a narrow window the sections are one line, of which only a part is seen.
  document.querySelector('.side [aria-current=page]')?.scrollIntoView({ block: 'nearest',
    inline: 'center' });
}

function drawTop() {
  setText(byId('host'), location.host);
  drawPlace(byId('place'));
  const words = { live: 'live', lost: 'no answer: trying again', connecting: 'connecting' };
  setText(byId('link'), words[connection.state]);
  setAttribute(byId('link'), 'class', `link ${connection.state}`);
}

function showTime() {
  const text = now().toISOString();
  setText(byId('now'), `${text.slice(0, 10)} ${text.slice(11, 19)} UTC`);
}

function tick() {
  showTime();
  view?.tick?.();
}

const advance = (seconds) => attempt(() => post('/localcloud/clock', { advance: seconds }));

function bindClock() {
  for (const button of document.querySelectorAll('[data-advance]')) {
    button.addEventListener('click', () => advance(Number(button.dataset.advance)));
  }
  byId('advance').addEventListener('click', () => askForm({
    title: 'Put the clock forward',
    lead: 'All that falls due in between happens, in its order: activities end, hooks time out, '
      + 'health is checked, alarms are evaluated, scheduled tasks run.',
    fields: [
      { name: 'amount', label: 'How much', type: 'number', value: 1, min: 0, required: true },
      { name: 'unit', label: 'Unit', value: '3600',
        options: [['1', 'seconds'], ['60', 'minutes'], ['3600', 'hours'], ['86400', 'days']] },
    ],
    action: 'Put forward',
    run: ({ amount, unit }) => post('/localcloud/clock', { advance: amount * unit }),
  }));
}

function bindTheme() {
  const themes = { '': ['◐', 'as the system'], light: ['☼', 'light'], dark: ['☾', 'dark'] };
  const show = (theme) => {
    document.documentElement.dataset.theme = theme;
    byId('theme').textContent = themes[theme][0];
    byId('theme').setAttribute('aria-label', `Colours: ${themes[theme][1]}`);
    byId('theme').title = `Colours: ${themes[theme][1]}`;
  };
  show(localStorage.getItem('theme') ?? '');
  byId('theme').addEventListener('click', () => {
    const names = Object.keys(themes);
    const at = names.indexOf(document.documentElement.dataset.theme);
    const next = names[(at + 1) % names.length];
    localStorage.setItem('theme', next);
    show(next);
  });
}

function start() {
  buildSide();
  bindClock();
  bindTheme();
  window.addEventListener('hashchange', go);
  subscribe((topics) => {
    if (['connection', 'cloud', 'places'].some((topic) => topics.has(topic))) drawTop();
    if (data.cloud.size) showTime();
    if (TOPICS_OF_SIDE.some((topic) => topics.has(topic))) drawSide();
    if (data.cloud.size) view.update(topics.has('snapshot') ? new Set(['all']) : topics);
  });
  go();
  drawTop();
  connect(chosenPlace());
  tick();
  setInterval(tick, TICK_MS);
}

start();
