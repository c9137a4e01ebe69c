// Draws what /localcloud/stream sends. Its only state is which details are open.
'use strict';

const STATES = ['InService', 'Protected', 'Standby', 'Pending', 'Removing', 'Stopped'];
const GOOD_STATUSES = ['removing', 'removed'];
const BAD_STATUSES = ['partly-removed', 'failed', 'unconfirmed', 'rejected', 'refused', 'expired',
  'retry', 'error'];
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
    const caption = element('p', {}, `${zone}: ${stateCounts(instances)}`);
    return element('div', { class: 'zone' }, caption, boxes);
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
      const path = points.map((point) => {
        const x = (point[0] - start) / span * 300;
        const y = 100 - point[index + 1] / highest * 100;
        return `${x.toFixed(1)},${y.toFixed(1)}`;
      });
      if (path.length === 1) path.push(`300,${path[0].split(',')[1]}`);
      line.setAttribute('points', path.join(' '));
      line.setAttribute('class', name);
      svg.append(line);
    });
  }
  const start = points.length ? new Date(points[0][0] * 1000).toISOString().slice(11, 19) : '';
  const since = start ? `, since ${start} UTC` : '';
  return element('figure', {}, svg,
    element('figcaption', {}, `0 to ${Math.round(highest)}${since}. Now: ${summary} (dashed).`));
}

function cells(tag, texts, attributes = {}) {
  return texts.map((text) => element(tag, attributes, text));
}

function table(group) {
  const rows = group.instances.map(([id, zone, state, health, joined, type]) =>
    element('tr', {}, ...cells('td', [id, zone, state, health, type, joined])));
  const titles = ['Instance', 'Zone', 'State', 'Health', 'Type', 'Joined'];
  const head = element('thead', {}, element('tr', {}, ...cells('th', titles, { scope: 'col' })));
  return element('div', { class: 'scroll', tabindex: '0' },
    element('table', {}, head, element('tbody', {}, ...rows)));
}

function groupView(group, open) {
  const name = group.name ? `${group.name} · ` : '';
  const sizes = `capacity ${group.total} · MinSize ${group.min} · MaxSize ${group.max}`;
  const desired = group.desired === null ? '' : ` · desired ${group.desired}`;
  const suspended = group.suspended.length ? ` · suspended: ${group.suspended.join(', ')}` : '';
  const summaryLine = `${name}${group.state} · ${sizes}${desired}${suspended}`;
  const summary = element('summary', {}, `${group.instances.length} instances as a table`);
  const details = element('details', { 'data-group': group.id }, summary);
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
      element('span', { class: 'numbers' }, summaryLine)),
    element('div', { class: 'body' }, element('div', {}, ...zones(group)), chart(group)),
    details);
}

function drawGroups(groups) {
  const place = byId('groups');
  const details = [...place.querySelectorAll('details[open]')];
  const open = new Set(details.map((one) => one.dataset.group));
  const focused = document.activeElement?.closest?.('details')?.dataset.group;
  place.replaceChildren(...groups.map((group) => groupView(group, open.has(group.id))));
  if (focused) place.querySelector(`details[data-group="${CSS.escape(focused)}"] summary`)?.focus();
}

function reasons(outcome) {
  const ranked = (outcome.rankedBy ?? []).map(({ id, by, value }) =>
    `${id} selected: ${by} ${value ?? ''}`);
  const retained = (outcome.retained ?? []).map(({ id, reason }) => `${id} retained: ${reason}`);
  const limits = (outcome.limits ?? []).map((limit) =>
    `${limit.guardrail} allows ${limit.allows} ${limit.unit}: ${limit.detail}`);
  return cells('li', [...ranked, ...retained, ...limits]);
}

function statusView(status) {
  const bad = BAD_STATUSES.includes(status) ? ' bad' : '';
  const good = GOOD_STATUSES.includes(status) ? ' good' : '';
  return element('span', { class: `status${bad}${good}` }, String(status ?? 'answered'));
}

function outcomeView(outcome) {
  const ids = (outcome.selected ?? []).join(', ');
  const parts = [
    element('p', {}, statusView(outcome.status), ` ${outcome.scalingGroupId ?? ''} ${ids}`),
    element('p', {}, String(outcome.message ?? '')),
  ];
  const items = reasons(outcome);
  if (items.length) {
    const summary = element('summary', {}, `${items.length} reasons`);
    parts.push(element('details', {}, summary, element('ul', {}, ...items)));
  }
  return element('div', {}, ...parts);
}

function decisionView(decision) {
  const raised = decision.failed ? ' · raised, so that it is delivered again' : '';
  const caption = `${decision.at.slice(11, 19)} UTC · ${decision.function}${raised}`;
  return element('li', { class: 'card', 'data-number': decision.number },
    element('small', {}, caption), ...decision.outcomes.slice(0, 20).map(outcomeView));
}

function drawDecisions(decisions) {
  const place = byId('decisions');
  const known = new Map([...place.children].map((card) => [card.dataset.number, card]));
  const cards = decisions.map((one) => known.get(String(one.number)) ?? decisionView(one));
  place.replaceChildren(...cards);
  if (!decisions.length) place.append(element('li', {}, 'None yet.'));
}

function draw(overview) {
  byId('place').textContent = `${location.host} · ${overview.region} · ${overview.calls} calls`;
  byId('now').textContent = `${overview.now.slice(0, 10)} ${overview.now.slice(11, 19)} UTC`;
  drawGroups(overview.groups);
  drawDecisions(overview.decisions);
  const plural = overview.waiting > 1 ? 's' : '';
  byId('waiting').textContent = overview.waiting
    ? `${overview.waiting} follow-up${plural} waiting; put the clock forward to run them.` : '';
  const rows = overview.activities.map((one) => element('tr', {},
    ...cells('td', [one.began.slice(11, 19), one.group, one.status, one.description, one.cause])));
  const none = element('tr', {}, element('td', { colspan: '5' }, 'None yet.'));
  replaceIfNew(byId('activities'), rows.length ? rows : [none]);
  const alarms = cells('li',
    overview.alarms.map((one) => `${one.name} (${one.group}): ${one.state}`));
  replaceIfNew(byId('alarms'), alarms.length ? alarms : [element('li', {}, 'None.')]);
}

async function post(path, body) {
  const headers = { 'Content-Type': 'application/json' };
  const answer = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
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
      const message = answer.errorMessage;
      try { answer = JSON.parse(message); } catch { answer = { status: 'error', message }; }
    }
    if (answer?.statusCode && typeof answer.body === 'string') { // by HTTP
      answer = JSON.parse(answer.body);
    }
    const outcomes = answer?.outcomes ?? [answer];
    const cards = outcomes.map((one) => element('div', { class: 'card' }, outcomeView(one)));
    byId('fired').replaceChildren(element('h3', {}, name), ...cards);
  } catch (error) {
    byId('fired').replaceChildren(element('p', { class: 'bad' }, `${name}: ${error.message}`));
  } finally {
    button.disabled = false;
    button.focus();
  }
}

function drawEvents() {
  const wanted = byId('filter').value.trim().toLowerCase();
  const names = eventNames.filter((name) => name.includes(wanted));
  byId('events').replaceChildren(...names.map((name) => {
    const button = element('button', { type: 'button' }, name);
    button.addEventListener('click', () => fire(name, button));
    return element('li', {}, button);
  }));
}

async function start() {
  const dot = (kind) => element('span', { class: `dot ${kind}`, 'aria-hidden': 'true' });
  const legend = STATES.map((state) => element('li', {}, dot(`s-${state}`), ` ${state}`));
  byId('legend').replaceChildren(...legend, element('li', {}, dot('sick'), ' Unhealthy (framed)'));
  for (const button of document.querySelectorAll('[data-advance]')) {
    const advance = Number(button.dataset.advance);
    button.addEventListener('click', () => post('/localcloud/clock', { advance }));
  }
  byId('filter').addEventListener('input', drawEvents);
  byId('filter-form').addEventListener('submit', (event) => event.preventDefault());
  const reply = await (await fetch('/localcloud/events')).json();
  eventNames = reply.events;
  byId('events-message').textContent = reply.message;
  drawEvents();
  const stream = new EventSource('/localcloud/stream');
  stream.addEventListener('open', () => { byId('link').textContent = 'live'; });
  stream.addEventListener('error', () => {
    byId('link').textContent = 'the local cloud does not answer; trying again …';
  });
  stream.addEventListener('overview', (message) => draw(JSON.parse(message.data)));
}

start();
