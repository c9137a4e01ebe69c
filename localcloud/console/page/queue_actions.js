// What can be done with queues, topics and triggers, as dialogs.
import { cloud, list } from './data.js';
import { askForm } from './dialogs.js';
import { plural } from './format.js';
import { queueHref } from './links.js';
import { attempt, post, toast } from './requests.js';
import { sampleFields } from './samples.js';

export const queuePath = (name, rest = '') =>
  `/localcloud/queues/${encodeURIComponent(name)}${rest}`;
const topicPath = (name, rest = '') => `/localcloud/topics/${encodeURIComponent(name)}${rest}`;

export function queueArn(name) {
  const [account, region] = cloud('home').split('/');
  return `acs:mns:${region}:${account}:/queues/${name}/message`;
}

const ENCODING = { name: 'plain', label: 'As it is, not in Base64', type: 'checkbox' };

function settingFields(queue = {}) {
  const others = list('queues').filter((one) => one.name !== queue.name);
  const seconds = (name, label, value, help) => ({ name, label, type: 'number', value,
    required: true, min: 0, help });
  return [
    seconds('visibilityTimeout', 'Visibility timeout, seconds', queue.visibilityTimeout ?? 30,
      'So long a message that was received is invisible.'),
    seconds('delaySeconds', 'Delay, seconds', queue.delaySeconds ?? 0),
    seconds('messageRetentionPeriod', 'Retention, seconds', queue.retention ?? 345_600),
    { name: 'deadLetterQueue', label: 'Dead letters go to', value: queue.deadLetterQueue ?? '',
      options: [['', 'no queue'], ...others.map((one) => [one.name])] },
    seconds('maxReceiveCount', 'After so many receives', queue.maxReceiveCount ?? 0,
      'Only where there is a queue for dead letters.'),
  ];
}

export const askQueue = () => askForm({
  title: 'New queue', action: 'Create',
  fields: [{ name: 'name', label: 'Name', required: true, placeholder: 'scalein-requests' },
    ...settingFields()],
  async run({ name, ...settings }) {
    await post(queuePath(name), settings);
    location.hash = queueHref(name);
  },
});

export const askSettings = (queue) => askForm({ title: `Settings of ${queue.name}`,
  fields: settingFields(queue), run: (settings) => post(queuePath(queue.name), settings) });

export async function askSend(name) {
  const fields = await sampleFields('Message');
  await askForm({
    title: `Send a message to ${name}`, action: 'Send', wide: true,
    lead: 'As a client would: a trigger that reads the queue takes it at once.',
    fields: [...fields, ENCODING,
      { name: 'delaySeconds', label: 'Delay, seconds', type: 'number', min: 0,
        help: 'Empty: that of the queue.' },
      { name: 'priority', label: 'Priority, 1 is the highest', type: 'number', min: 1,
        value: 8 }],
    run: ({ sample, ...message }) => post(queuePath(name, '/messages'), message),
  });
}

export async function askPurge(name) {
  const answer = await askForm({ title: `Purge ${name}?`, danger: true, action: 'Purge',
    lead: 'All its messages are deleted, those in flight too. This cannot be undone.',
    run: () => post(queuePath(name, '/messages'), {}, 'DELETE') });
  if (answer) toast(`${plural(answer.deleted, 'message')} deleted.`);
}

export const askDeleteQueue = (name) => askForm({ title: `Delete ${name}?`, danger: true,
  action: 'Delete', lead: 'The queue is deleted with its messages. What is sent to it afterwards '
    + 'is lost. This cannot be undone.',
  async run() {
    await post(queuePath(name), {}, 'DELETE');
    location.hash = '#/queues';
  } });

export const deleteMessage = (name, id) => attempt(() =>
  post(queuePath(name, '/messages'), { id }, 'DELETE'), 'The message is deleted.');

export const askTopic = () => askForm({ title: 'New topic', action: 'Create',
  fields: [{ name: 'name', label: 'Name', required: true }],
  run: ({ name }) => post(topicPath(name), {}) });

export async function askPublish(name) {
  const fields = await sampleFields('Message');
  await askForm({
    title: `Publish to ${name}`, action: 'Publish', wide: true,
    lead: 'All subscriptions and triggers of the topic get it.',
    fields: [...fields, { name: 'tag', label: 'Tag', help: 'Subscriptions may filter by it.' },
      ENCODING],
    run: ({ sample, ...message }) => post(topicPath(name, '/messages'), message),
  });
}

export const askSubscription = (name) => askForm({
  title: `Subscribe to ${name}`, action: 'Subscribe',
  fields: [
    { name: 'name', label: 'Name', required: true },
    { name: 'queue', label: 'To the queue', options: [['', 'none: to an endpoint'],
      ...list('queues').map((one) => [one.name])], value: list('queues')[0]?.name ?? '' },
    { name: 'endpoint', label: 'Or to an HTTP endpoint', placeholder: 'address of http or https' },
    { name: 'format', label: 'Format', options: [['XML'], ['JSON'], ['SIMPLIFIED']],
      value: 'XML' },
    { name: 'tag', label: 'Only messages with the tag' },
  ],
  run: ({ queue, endpoint, ...rest }) => post(topicPath(name, '/subscriptions'), { ...rest,
    endpoint: queue ? queueArn(queue).replace('/message', '') : endpoint }),
});

export const unsubscribe = (topic, name) => attempt(() =>
  post(topicPath(topic, '/subscriptions'), { name }, 'DELETE'), `${name} is unsubscribed.`);

export const deleteTopic = (name) => askForm({ title: `Delete ${name}?`, danger: true,
  action: 'Delete', lead: 'The topic is deleted with its subscriptions.',
  run: () => post(topicPath(name), {}, 'DELETE') });

export const setTrigger = (trigger, enabled) => attempt(() =>
  post(`/localcloud/triggers/${encodeURIComponent(trigger.id)}`, { enabled }),
enabled ? `${trigger.name} is enabled.` : `${trigger.name} is disabled: it invokes nothing.`);
