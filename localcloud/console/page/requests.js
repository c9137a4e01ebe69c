// Has the cloud do something, and says what came of it.
import { cloud } from './data.js';
import { h } from './dom.js';

const HINTS = {
  ScalingActivityInProgress:
    'A scaling activity of this group runs. Wait for its end, or put the clock forward.',
  'IncorrectCapacity.MinSize': 'Fewer than MinSize would remain. Lower MinSize, or select fewer.',
  'IncorrectCapacity.MaxSize': 'More than MaxSize would result. Raise MaxSize first.',
  IncorrectScalingGroupStatus:
    'The group is not Active, or the process is suspended. Enable it, or resume the process.',
  IncorrectInstanceStatus: 'An instance is in another state than the action needs.',
  'InvalidInstanceId.NotFound': 'The instance is no longer in the group.',
  'InvalidScalingGroupId.NotFound': 'The group no longer exists.',
  MissingParameter: 'Fill in the parameter that the message names.',
};
export const MAX_IDS = 20; // that one call takes
const TOAST_MS = 6_000;
let secret = '';

class Refusal extends Error {
  constructor(message, code, hint) {
    super(message);
    this.code = code;
    this.hint = hint ?? HINTS[code] ?? '';
  }
}

async function send(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refusal('The local cloud does not answer.', '',
      'Is it running? Start it again; the page connects by itself.');
  }
  const body = await answer.json().catch(() => ({ error: `HTTP ${answer.status}` }));
  if (body.error || !answer.ok) throw new Refusal(body.error ?? `HTTP ${answer.status}`, body.code);
  return body;
}

export const get = (path) => send(path, {});

export async function post(path, body, method = 'POST') {
  const headers = { 'Content-Type': 'application/json' };
  if (secret) headers['X-Localcloud-Secret'] = secret;
  try {
    return await send(path, { method, headers, body: JSON.stringify(body) });
  } catch (error) {
    if (error.code !== 'SecretNeeded') throw error;
    secret = await askSecret(error.message);
    if (!secret) throw error;
    return post(path, body, method);
  }
}

async function askSecret(message) {
  const { askForm } = await import('./dialogs.js');
  const values = await askForm({
    title: 'Access key secret', lead: message, action: 'Continue',
    fields: [{ name: 'secret', label: 'accessKeySecret', type: 'password', required: true }],
  });
  return values?.secret ?? '';
}

// Posts what is for the account and region that the page shows.
export const postHere = (path, body, place = '') =>
  post(path, { ...body, place: place || (cloud('place') ?? '') });

export const perform = (action, params, place = '') =>
  postHere('/localcloud/perform', { action, params }, place);

export const numbered = (name, values) =>
  Object.fromEntries(values.map((value, index) => [`${name}.${index + 1}`, value]));

// Performs an action of a group on instances, twenty a call, as the API takes them.
export async function performOn(action, group, ids, params = {}) {
  let answer = {};
  for (let start = 0; start < ids.length; start += MAX_IDS) {
    const part = numbered('InstanceId', ids.slice(start, start + MAX_IDS));
    answer = await perform(action, { ScalingGroupId: group, ...part, ...params });
  }
  return answer;
}

export function toast(text, detail = '', kind = '') {
  const close = h('button', { class: 'plain small', 'aria-label': 'Close this message' }, '✕');
  const node = h('div', { class: `toast ${kind}` }, h('p', {}, h('strong', {}, text)), close,
    detail ? h('p', { class: 'quiet' }, detail) : null);
  close.addEventListener('click', () => node.remove());
  document.getElementById('toasts').append(node);
  if (kind !== 'bad') setTimeout(() => node.remove(), TOAST_MS);
}

function showRefusal(error, what = '') {
  const code = error.code ? `${error.code}: ` : '';
  const said = what ? `${what}: ${code}${error.message}` : `${code}${error.message}`;
  toast(said, error.hint, 'bad');
}

// Runs what a button does: once at a time, with a word at the end either way.
export async function attempt(work, done = '', what = '') {
  try {
    const answer = await work();
    if (done) {
      const id = answer?.ScalingActivityId;
      toast(done, id ? `Scaling activity ${id} has begun.` : '');
    }
    return answer ?? true;
  } catch (error) {
    showRefusal(error, what);
    return null;
  }
}
