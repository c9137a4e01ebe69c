// What functions answered: one card a decision, with the reasons of each instance.
import { drawIfNew, drawList, empty, h } from './dom.js';
import { cloud, newestFirst } from './data.js';
import { plural } from './format.js';
import { decisionView } from './why.js';

export function decisionsView() {
  const decisions = h('ol', { class: 'rows' });
  const none = h('div', {});
  const waiting = h('p', { class: 'lead' });
  return {
    element: h('div', { class: 'view' }, h('header', { class: 'head' }, h('h2', {}, 'Decisions')),
      waiting, h('section', { class: 'card', 'aria-label': 'Decisions' }, decisions, none)),
    update(topics) {
      if (!['all', 'decisions', 'cloud'].some((topic) => topics.has(topic))) return;
      const made = newestFirst('decisions', 'number');
      drawList(decisions, made, (one) => one.number, decisionView, (one) => one.number);
      drawIfNew(none, made.length > 0, () => (made.length ? [] : empty('No decisions yet.',
        'A decision is what a function answers to an event: which instances, and why.',
        h('a', { class: 'button', href: '#/events' }, 'Fire an event'))));
      const number = cloud('waiting') ?? 0;
      drawIfNew(waiting, number, () => (number ? `${plural(number, 'invocation')} waiting. `
        + 'Put the clock forward to run.' : 'What functions answered, newest first.'));
    },
  };
}
