// Links to queues, and what an ARN of MNS or Function Compute names.
import { h } from './dom.js';
import { data } from './data.js';

export const queueHref = (name) => `#/queues/${encodeURIComponent(name)}`;

// A link where there is such a queue, else its name.
export const queueView = (name, text = `queue ${name}`) => (data.queues.has(name)
  ? h('a', { class: 'text', href: queueHref(name) }, text) : h('span', {}, text));

// The queue that an ARN names, in whatever region and account; '' where it names none.
export const queueOf = (arn) => /:\/?queues?\/([^/]+)/.exec(arn ?? '')?.[1] ?? '';

export function arnView(arn) {
  const queue = queueOf(arn);
  if (queue) return queueView(queue);
  const topic = /:\/?topics?\/([^/]+)/.exec(arn)?.[1];
  const called = /:(?:services\/[^/]+\/)?functions\/([^/]+)/.exec(arn)?.[1];
  if (called) {
    return h('a', { class: 'text', href: '#/functions', title: arn }, `function ${called}`);
  }
  return h('span', { title: arn }, topic ? `topic ${topic}` : arn);
}

// A list of nodes with commas between them.
export const listed = (nodes) => nodes.flatMap((node, index) => (index ? [', ', node] : [node]));
