// Texts of times, numbers and states; the badges that show a status by word and colour.
import { h } from './dom.js';
import { now } from './data.js';

export const STATES = ['InService', 'Protected', 'Standby', 'Pending', 'Removing', 'Stopped'];
const GOOD = new Set(['Active', 'enabled', 'Successful', 'OK', 'Completed', 'removing',
  'removed', 'Healthy', '200', 'answered', 'at-target', 'Succeeded']);
const BAD = new Set(['Failed', 'Rejected', 'ALARM', 'failed', 'unconfirmed', 'rejected', 'refused',
  'expired', 'error', 'Unhealthy', 'partly-removed', 'injected']);
const WARN = new Set(['Warning', 'InProgress', 'Pending', 'Timeout', 'retry', 'Inactive', 'blocked',
  'suspended', 'Disabled', 'retrying', 'disabled', 'WARN', 'CRITICAL', 'INFO']);

export const family = (state) => state.split(':')[0];
export const count = (number) => Number(number).toLocaleString('en');
export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? '' : 's'}`;

export function clockTime(value) {
  const date = new Date(value);
  const text = date.toISOString();
  const today = now().toISOString().slice(0, 10);
  return text.startsWith(today) ? text.slice(11, 19) : `${text.slice(0, 10)} ${text.slice(11, 16)}`;
}

export const day = (value) => new Date(value).toISOString().slice(0, 16).replace('T', ' ');

export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ''}`;
  if (whole < 172_800) {
    return `${Math.floor(whole / 3_600)} h ${Math.floor(whole % 3_600 / 60)} min`;
  }
  return `${Math.floor(whole / 86_400)} days`;
}

export function kindOf(status) {
  const text = String(status);
  if (GOOD.has(text)) return 'good';
  if (BAD.has(text) || /^[45]\d\d$/.test(text)) return 'bad';
  return WARN.has(text) ? 'warn' : '';
}

export const badge = (status, kind = kindOf(status)) =>
  h('span', { class: `badge ${kind}` }, String(status));

export const dot = (state) =>
  h('i', { class: `dot s-${family(state)}`, 'aria-hidden': 'true' });

export const stateView = (state) => h('span', { class: 'state' }, dot(state), state);

// A bar of the states' shares; the same in words for those who do not see it.
export function stateBar(states, whole) {
  const bar = h('span', { class: 'bar', role: 'img', 'aria-label': stateText(states) });
  for (const state of STATES) {
    const capacity = Object.entries(states).reduce((sum, [name, number]) =>
      (family(name) === state ? sum + number : sum), 0);
    if (!capacity) continue;
    const part = h('i', { class: `s-${state}` });
    part.style.width = `${capacity / Math.max(1, whole) * 100}%`;
    bar.append(part);
  }
  return bar;
}

export function stateText(states) {
  const order = ([state]) => STATES.indexOf(family(state));
  const parts = Object.entries(states).filter(([, number]) => number)
    .sort((one, other) => order(one) - order(other))
    .map(([state, number]) => `${count(number)} ${state}`);
  return parts.join(', ') || 'no instances';
}

export const json = (value) => h('pre', { tabindex: '0' }, JSON.stringify(value, null, 2));

// A text to read: JSON in lines, anything else as it is; `none`: what an empty one means.
export function textView(text, none = 'It is empty.') {
  if (!text) return h('p', { class: 'quiet' }, none);
  let shown = text;
  try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* it is no JSON */ }
  return h('pre', { tabindex: '0' }, shown);
}

// A line that is a JSON object, such as an audit line: its sentence, and all of it on request.
function recordView(line) {
  let record = null;
  try { record = JSON.parse(line); } catch { /* it is no JSON */ }
  if (!record || typeof record !== 'object' || Array.isArray(record)) return null;
  const { message, status, level } = record;
  const kind = status ?? level;
  return h('details', {}, h('summary', {}, kind ? badge(kind) : null,
    String(message ?? line.slice(0, 120))), json(record));
}

// A log by its lines; those of the platform are quiet.
export function logView(text, none) {
  const lines = text.split('\n').filter(Boolean);
  if (!lines.length) return h('p', { class: 'quiet' }, none);
  return h('div', { class: 'log', role: 'group', 'aria-label': 'Log' }, lines.map((line) =>
    recordView(line) ?? h('div', { class: /^(FC |FunctionCompute )/.test(line) ? 'quiet' : '' },
      line)));
}
