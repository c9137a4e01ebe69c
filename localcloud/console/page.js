// Draws what /localcloud/stream sends. Its only state is which details are open.
'use strict';

const STATES = ['InService', 'Protected', 'Standby', 'Pending', 'Removing', 'Stopped'];
const byId = (id) => document.getElementById(id);
const family = (state) => state.split(':')[0];
let eventNames = [];

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function replaceIfNew(place, children) {
  const holder = element('div');
  holder.append(...children);
  if (place.innerHTML !== holder.innerHTML) place.replaceChildren(...children);
}

function stateCounts(instances) {
  const counts = new Map();
  for (const [, , state] of instances) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${count} ${state}`).join(', ') || 'no instances';
}

function zones(group) {
  const byZone = new Map();
  for (const instance of group.instances) {
    if (!byZone.has(instance[1])) byZone.set(instance[1], []);
    byZone.get(instance[1]).push(instance);
  }
  return [...byZone].sort().map(([zone, instances]) => {
    const boxes = element('div', { class: 'boxes', 'aria-hidden': 'true' });
    for (const [id, , state, health, joined, type] of instances) {
      boxes.append(element('i', {
        class: `s-${family(state)}${health === 'Healthy' ? '' : ' sick'}`,
        title: `${id} · ${state} · ${health} · ${type} · joined ${joined}`,
      }));
    }
    return element('div', { class: 'zone' }, element('p', {}, `${zone}: ${stateCounts(instances)}`), boxes);
  });
}

function chart(group) {
  const points = group.capacity;
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 300 100');
  svg.setAttribute('preserveAspectRatio', 'none');
  const last = points[points.length - 1] ?? [0, group.total, group.total, group.min];
  const summary = `capacity ${last[1]}, of which ${last[2]} stable; MinSize ${last[3]}`;
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', `Capacity over time: ${summary}`);
  let highest = 1;
  if (points.length > 0) {
    const start = points[0][0];
    const span = Math.max(1, last[0] - start);
    highest = Math.max(1, group.min, ...points.map((point) => point[1])) * 1.1;
    ['line-total', 'line-stable', 'line-min'].forEach((name, index) => {
      const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
      const path = points.map((point) => `${((point[0] - start) / span * 300).toFixed(1)},${(100 - point[index + 1] / highest * 100).toFixed(1)}`);
      if (path.length === 1) path.push(`300,${path[0].split(',')[1]}`);
      line.setAttribute('points', path.join(' '));
      line.setAttribute('class', name);
      svg.append(line);
    });
  }
  const since = points.length ? new Date(points[0][0] * 1000).toISOString().slice(11, 19) : '';
  return element('figure', {}, svg,
    element('figcaption', {}, `0 to ${Math.round(highest)}${since ? `, since ${since} UTC` : ''}. Now: ${summary} (dashed).`));
}

function table(group) {
  const rows = group.instances.map(([id, zone, state, health, joined, type]) =>
    element('tr', {}, ...[id, zone, state, health, type, joined].map((text) => element('td', {}, text))));
  const heads = ['Instance', 'Zone', 'State', 'Health', 'Type', 'Joined'].map((text) => element('th', { scope: 'col' }, text));
  return element('div', { class: 'scroll', tabindex: '0' },
    element('table', {}, element('thead', {}, element('tr', {}, ...heads)), element('tbody', {}, ...rows)));
}

function groupView(group, open) {
  const desired = group.desired === null ? '' : ` · desired ${group.desired}`;
  const suspended = group.suspended.length ? ` · suspended: ${group.suspended.join(', ')}` : '';
  const details = element('details', { 'data-group': group.id }, element('summary', {}, `${group.instances.length} instances as a table`));
  if (open) {
    details.open = true;
    details.append(table(group));
  }
  details.addEventListener('toggle', () => {
    if (details.open && details.children.length === 1) details.append(table(group));
  });
  return element('article', { class: 'group', 'aria-label': `Scaling group ${group.id}` },
    element('div', { class: 'head' },
      element('h3', {}, group.id),
      element('span', { class: 'numbers' }, `${group.name ? `${group.name} · ` : ''}${group.state} · capacity ${group.total} · MinSize ${group.min} · MaxSize ${group.max}${desired}${suspended}`)),
    element('div', { class: 'body' }, element('div', {}, ...zones(group)), chart(group)),
    details);
}

function drawGroups(groups) {
  const place = byId('groups');
  const open = new Set([...place.querySelectorAll('details[open]')].map((one) => one.dataset.group));
  const focused = document.activeElement?.closest?.('details')?.dataset.group;
  place.replaceChildren(...groups.map((group) => groupView(group, open.has(group.id))));
  if (focused) place.querySelector(`details[data-group="${CSS.escape(focused)}"] summary`)?.focus();
}

function reasons(outcome) {
  const list = element('ul');
  for (const one of outcome.rankedBy ?? []) list.append(element('li', {}, `${one.id} selected: ${one.by} ${one.value ?? ''}`));
  for (const one of outcome.retained ?? []) list.append(element('li', {}, `${one.id} retained: ${one.reason}`));
  for (const one of outcome.limits ?? []) list.append(element('li', {}, `${one.guardrail ?? one.reason} allows ${one.allows} ${one.unit}: ${one.detail}`));
  return list;
}

function outcomeView(outcome) {
  const bad = ['failed', 'rejected', 'retry', 'error'].includes(outcome.status);
  const good = ['removing', 'removed'].includes(outcome.status);
  const parts = [
    element('p', {}, element('span', { class: `status${bad ? ' bad' : ''}${good ? ' good' : ''}` }, String(outcome.status ?? 'answered')),
      ` ${outcome.scalingGroupId ?? ''} ${(outcome.accepted ?? outcome.removed ?? []).join(', ')}`),
    element('p', {}, String(outcome.message ?? '')),
  ];
  const list = reasons(outcome);
  if (list.children.length) parts.push(element('details', {}, element('summary', {}, `${list.children.length} reasons`), list));
  return element('div', {}, ...parts);
}

function drawDecisions(decisions) {
  const place = byId('decisions');
  const known = new Map([...place.children].map((card) => [card.dataset.number, card]));
  place.replaceChildren(...decisions.map((one) => known.get(String(one.number)) ?? element('li', { class: 'card', 'data-number': one.number },
    element('small', {}, `${one.at.slice(11, 19)} UTC · ${one.function}${one.failed ? ' · raised, so that it is delivered again' : ''}`),
    ...one.outcomes.slice(0, 20).map(outcomeView))));
  if (!decisions.length) place.append(element('li', {}, 'None yet.'));
}

function draw(overview) {
  byId('place').textContent = `${location.host} · ${overview.region} · ${overview.calls} calls`;
  byId('now').textContent = `${overview.now.slice(0, 10)} ${overview.now.slice(11, 19)} UTC`;
  drawGroups(overview.groups);
  drawDecisions(overview.decisions);
  byId('waiting').textContent = overview.waiting ? `${overview.waiting} follow-up${overview.waiting > 1 ? 's' : ''} waiting; put the clock forward to run them.` : '';
  const rows = overview.activities.map((one) => element('tr', {},
    ...[`${one.began.slice(11, 19)}`, one.group, one.status, one.description, one.cause].map((text) => element('td', {}, text))));
  replaceIfNew(byId('activities'), rows.length ? rows : [element('tr', {}, element('td', { colspan: '5' }, 'None yet.'))]);
  const alarms = overview.alarms.map((one) => element('li', {}, `${one.name} (${one.group}): ${one.state}`));
  replaceIfNew(byId('alarms'), alarms.length ? alarms : [element('li', {}, 'None.')]);
}

async function post(path, body) {
  const answer = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  return answer.json();
}

async function fire(name, button) {
  button.disabled = true;
  byId('fired').textContent = `${name} …`;
  try {
    const reply = await post('/localcloud/fire', { event: name });
    if (reply.error) throw new Error(reply.error);
    let answer = JSON.parse(reply.answer);
    if (reply.failed) {
      try { answer = JSON.parse(answer.errorMessage); } catch { answer = { status: 'error', message: answer.errorMessage }; }
    }
    if (answer?.statusCode && typeof answer.body === 'string') answer = JSON.parse(answer.body); // by HTTP
    const outcomes = answer?.outcomes ?? [answer];
    byId('fired').replaceChildren(element('h3', {}, name), ...outcomes.map((one) => element('div', { class: 'card' }, outcomeView(one))));
  } catch (error) {
    byId('fired').replaceChildren(element('p', { class: 'bad' }, `${name}: ${error.message}`));
  } finally {
    button.disabled = false;
    button.focus();
  }
}

function drawEvents() {
  const wanted = byId('filter').value.trim().toLowerCase();
  byId('events').replaceChildren(...eventNames.filter((name) => name.includes(wanted)).map((name) => {
    const button = element('button', { type: 'button' }, name);
    button.addEventListener('click', () => fire(name, button));
    return element('li', {}, button);
  }));
}

async function start() {
  byId('legend').replaceChildren(...STATES.map((state) => element('li', {}, element('span', { class: `dot s-${state}`, 'aria-hidden': 'true' }), ` ${state}`)),
    element('li', {}, element('span', { class: 'dot sick', 'aria-hidden': 'true' }), ' Unhealthy (framed)'));
  for (const button of document.querySelectorAll('[data-advance]')) {
    button.addEventListener('click', () => post('/localcloud/clock', { advance: Number(button.dataset.advance) }));
  }
  byId('filter').addEventListener('input', drawEvents);
  byId('filter-form').addEventListener('submit', (event) => event.preventDefault());
  const reply = await (await fetch('/localcloud/events')).json();
  eventNames = reply.events;
  byId('events-message').textContent = reply.message;
  drawEvents();
  const stream = new EventSource('/localcloud/stream');
  stream.addEventListener('open', () => { byId('link').textContent = 'live'; });
  stream.addEventListener('error', () => { byId('link').textContent = 'the local cloud does not answer; trying again …'; });
  stream.addEventListener('overview', (message) => draw(JSON.parse(message.data)));
}

start();
