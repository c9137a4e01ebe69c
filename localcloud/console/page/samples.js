// Texts to send, publish or invoke with: one of the events by sender, or a person's own.
import { get, post } from './requests.js';

const FIRST = 'remove-two';
let known = null;

// Returns the senders with their events, which are read once.
export async function senders() {
  known ??= (await get('/localcloud/events')).groups;
  return known;
}

export const eventText = async (name) =>
  (await get(`/localcloud/events/${encodeURIComponent(name)}`)).text;

// Returns the fields of a form: which event, and its text, which can be edited before it is sent.
export async function sampleFields(label, text = null) {
  const groups = await senders().catch(() => []);
  const names = groups.flatMap((one) => one.events.map((event) => event.name));
  const first = names.includes(FIRST) ? FIRST : names[0];
  const start = text ?? (first ? await eventText(first) : '{}');
  const load = async (name, form) => {
    if (name) form.elements.text.value = await eventText(name);
  };
  const options = groups.map(({ sender, events }) => ({ label: sender,
    options: events.map((event) => [event.name]) }));
  return [
    ...(names.length ? [{ name: 'sample', label: 'Sample', options: [['', 'your own'], ...options],
      value: text === null ? first : '', change: load }] : []),
    { name: 'text', label, type: 'lines', rows: 10, required: true, value: start },
  ];
}

export const fire = (target, qualifier, text) =>
  post('/localcloud/fire', { function: target, qualifier, text });
