// One scaling activity: what, why, how far, and which instances.
import { h, pairs } from './dom.js';
import { cloud, data, now } from './data.js';
import { badge, clockTime, duration, json, kindOf, plural } from './format.js';
import { openDrawer } from './drawer.js';

const MAX_IDS = 4;

function progressOf(activity) {
  const began = Date.parse(activity.began);
  const span = Math.max(1, Date.parse(activity.ends) - began);
  return Math.min(0.99, Math.max(0, (now() - began) / span));
}

// The bar of a table's cell: grows while the activity runs, and then has the colour of its end.
export function progressCell(activity) {
  const isRunning = activity.status === 'InProgress';
  const kind = isRunning && activity.waits ? 'held' : kindOf(activity.status);
  const bar = h('span', { class: `progress ${isRunning && !activity.waits ? '' : kind}`,
    'aria-hidden': 'true' }, h('i', {}));
  const share = isRunning && !activity.waits ? progressOf(activity) : 1;
  bar.firstChild.style.width = `${100 * share}%`;
  return h('span', {}, bar, progressText(activity));
}

export function progressText(activity) {
  if (activity.status !== 'InProgress') return '100 %';
  return activity.waits ? 'held' : `${Math.floor(100 * progressOf(activity))} %`;
}

function idsView(ids, sign) {
  const shown = ids.slice(0, MAX_IDS).join(', ');
  const rest = ids.length > MAX_IDS ? ` and ${ids.length - MAX_IDS} more` : '';
  return ids.length ? h('span', { class: 'mono' }, `${sign} ${shown}${rest}`) : null;
}

function progressBar(activity) {
  const bar = h('div', { class: `progress${activity.waits ? ' held' : ''}`, role: 'progressbar',
    'aria-label': `Progress of ${activity.id}`, 'aria-valuemin': 0, 'aria-valuemax': 100,
    'data-activity': activity.id }, h('i', {}));
  setProgress(bar, activity);
  return bar;
}

function setProgress(bar, activity) {
  const percent = activity.waits ? 100 : Math.floor(100 * progressOf(activity));
  bar.setAttribute('aria-valuenow', percent);
  bar.setAttribute('aria-valuetext', activity.waits ? 'held by a lifecycle hook' : `${percent} %`);
  bar.firstChild.style.width = `${percent}%`;
}

// Moves the bars of activities that run; by the page's own clock, without a transfer.
export function tickActivities(element) {
  for (const bar of element.querySelectorAll('[data-activity]')) {
    const activity = data.activities.get(bar.dataset.activity);
    if (activity?.status === 'InProgress') setProgress(bar, activity);
  }
}

export function activityItem(activity) {
  const isRunning = activity.status === 'InProgress';
  return h('li', {},
    h('p', { class: 'line' }, badge(activity.status), h('b', {}, activity.description),
      h('small', { class: 'push number' }, clockTime(activity.began))),
    isRunning ? progressBar(activity) : null,
    h('p', { class: 'quiet' }, activity.cause),
    h('p', { class: 'line' }, h('small', {}, activity.group), idsView(activity.removing, '−'),
      idsView(activity.joining, '+'), idsView(activity.turning, '±'),
      h('button', { class: 'plain small push', type: 'button',
        'aria-label': `Details of ${activity.id}`, onclick: () => showActivity(activity.id) },
      'Details')));
}

export function showActivity(id) {
  const activity = data.activities.get(id);
  if (!activity) return;
  const took = (Date.parse(activity.ends) - Date.parse(activity.began)) / 1000;
  const isRunning = activity.status === 'InProgress';
  const ids = (title, list) => (list.length
    ? [h('h3', {}, `${title} (${list.length})`),
      h('pre', { tabindex: '0' }, list.join('\n'))] : []);
  openDrawer(activity.description, h('div', {},
    pairs([['Status', badge(activity.status)], ['Progress', progressText(activity)],
      ['Id', h('span', { class: 'mono' }, activity.id)], ['Group', activity.group],
      ['Cause', activity.cause], ['Started by', activity.source],
      ['Began', clockTime(activity.began)],
      [isRunning ? 'Ends' : 'Took', isRunning && activity.waits ? 'when its hooks are completed'
        : isRunning ? clockTime(activity.ends) : duration(took)],
      ['Message', activity.message]]),
    isRunning && !activity.waits ? h('p', { class: 'quiet' },
      `An activity takes ${plural(cloud('activitySeconds'), 'second')} here. `
      + 'Put the clock forward to end it now.') : null,
    ...ids('Removes', activity.removing), ...ids('Adds', activity.joining),
    ...ids('Changes', activity.turning),
    ...(Object.keys(activity.ignored).length
      ? [h('h3', {}, 'Ignored'), json(activity.ignored)] : [])));
}
