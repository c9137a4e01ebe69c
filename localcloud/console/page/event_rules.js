// Rules on events, of EventBridge's buses and of CloudMonitor, and what is tried again.
import { drawIfNew, drawList, empty, h } from './dom.js';
import { data, list } from './data.js';
import { askForm } from './dialogs.js';
import { badge, clockTime, plural } from './format.js';
import { arnView, listed } from './links.js';
import { attempt, perform, postHere, toast } from './requests.js';
import { busSamples } from './bus_samples.js';

const ownerOf = (rule) => (rule.bus ? `bus ${rule.bus}` : 'CloudMonitor');

function targetView(target) {
  const dead = target.deadLetters ? [', dead letters to ', arnView(target.deadLetters)] : [];
  return h('span', {}, arnView(target.arn), ...dead);
}

function setRule(rule, enabled) {
  const verb = enabled ? 'Enable' : 'Disable';
  const call = rule.bus
    ? [`${verb}Rule`, { EventBusName: rule.bus, RuleName: rule.name }]
    : [`${verb}EventRules`, { 'RuleNames.1': rule.name }];
  return attempt(() => perform(...call, rule.place), enabled ? `${rule.name} is enabled.`
    : `${rule.name} is disabled: its targets get nothing.`);
}

function ruleItem(rule) {
  const text = rule.enabled ? 'Disable' : 'Enable';
  return h('li', {}, h('p', { class: 'line' }, badge(rule.enabled ? 'enabled' : 'disabled'),
    h('b', {}, rule.name), h('small', {}, ownerOf(rule)),
    data.places.size > 1 ? h('small', {}, rule.place) : null,
    h('button', { type: 'button', class: 'small push', 'aria-label': `${text} ${rule.name}`,
      onclick: () => setRule(rule, !rule.enabled) }, text)),
  h('p', { class: 'mono' }, JSON.stringify(rule.pattern)),
  h('p', { class: 'quiet' }, ...(rule.targets.length
    ? ['Goes to ', ...listed(rule.targets.map(targetView)), '.']
    : ['Goes to no target: nothing learns of it.'])));
}

function retryItem(retry) {
  const due = retry.due ? `again at ${clockTime(retry.due)}` : 'again now';
  return h('li', {}, h('p', { class: 'line' }, badge('retrying'), h('b', {}, retry.rule),
    h('small', {}, retry.event), h('span', { 'aria-hidden': 'true' }, '→'), arnView(retry.arn),
    h('small', {}, `failed ${plural(retry.failed, 'time')}, ${due}`)));
}

async function askEvent() {
  const samples = busSamples();
  const text = (name) => JSON.stringify(samples.get(name), null, 2);
  const [first] = samples.keys();
  const answer = await askForm({
    title: 'Raise an event', action: 'Raise', wide: true,
    lead: 'On the bus default, as the product itself would; one of ECS reaches the rules of '
      + 'CloudMonitor too. Nothing but the event happens.',
    fields: [
      { name: 'sample', label: 'Sample', value: first,
        options: [['', 'your own'], ...[...samples.keys()].map((name) => [name])],
        change: (name, form) => { if (name) form.elements.text.value = text(name); } },
      { name: 'text', label: 'Event', type: 'lines', rows: 12, required: true,
        value: text(first) },
    ],
    run: (values) => postHere('/localcloud/bus', JSON.parse(values.text)),
  });
  if (answer) toast('The event is on the bus default.', `Its id is ${answer.id}.`);
}

// Returns the element of the section, and what draws it when its topics have changed.
export function eventRules() {
  const rules = h('ul', { class: 'rows' });
  const retries = h('ul', { class: 'rows' });
  const failed = h('section', { 'aria-label': 'Being tried again' },
    h('h3', {}, 'Being tried again'), retries);
  const none = h('div', {});
  const raise = () => h('button', { type: 'button', class: 'small push', onclick: askEvent },
    'Raise an event');
  const element = h('section', { class: 'card', 'aria-label': 'Event rules' },
    h('header', {}, h('h3', {}, 'Event rules'), raise()), rules, none, failed);
  return {
    element,
    update(has) {
      if (has('eventRules', 'queues', 'places')) {
        const made = list('eventRules');
        const names = list('queues').map((one) => one.name);
        drawList(rules, made, (one) => `${one.place} ${one.bus} ${one.name}`, ruleItem,
          (one) => JSON.stringify([one, names, data.places.size > 1]));
        drawIfNew(none, made.length > 0, () => (made.length ? [] : empty('No rules on events.',
          'A rule takes events of Auto Scaling or ECS, or your own, to functions, queues and '
          + 'topics. SDKs of EventBridge and CloudMonitor create them.')));
      }
      if (has('retries')) {
        failed.hidden = !data.retries.size;
        drawList(retries, [...data.retries], ([key]) => key, ([, one]) => retryItem(one));
      }
    },
  };
}
