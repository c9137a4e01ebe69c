// Lifecycle hooks, and the instances that they hold: complete, prolong, delete.
import { drawIfNew, drawList, empty, h, setText } from './dom.js';
import { data, list, now } from './data.js';
import { askForm } from './dialogs.js';
import { badge, duration } from './format.js';
import { attempt, perform } from './requests.js';

const RESULTS = [['CONTINUE', 'Continue'], ['ABANDON', 'Abandon'], ['ROLLBACK', 'Roll back']];

const remaining = (action) => duration((Date.parse(action.ends) - now()) / 1000);

function heldItem(action) {
  const hook = data.hooks.get(action.hook);
  const name = hook?.name ?? action.hook;
  const token = { LifecycleHookId: action.hook, LifecycleActionToken: action.token };
  const complete = ([result, text]) => h('button', { type: 'button', class: 'small',
    'aria-label': `${text} ${name}`, onclick: () => attempt(() =>
      perform('CompleteLifecycleAction', { ...token, LifecycleActionResult: result }),
    `${name}: ${result}.`) }, text);
  const isPending = action.status === 'Pending';
  return h('li', {}, h('p', { class: 'line' }, badge(action.status),
    h('b', {}, name), h('small', {}, action.group),
    isPending ? h('small', { 'data-token': action.token }, `${remaining(action)} until `
      + action.default) : h('small', {}, action.result),
    isPending ? h('span', { class: 'buttons push' }, RESULTS.map(complete),
      h('button', { type: 'button', class: 'small', 'aria-label': `Prolong ${name}`,
        onclick: () => attempt(() => perform('RecordLifecycleActionHeartbeat', {
          lifecycleHookId: action.hook, lifecycleActionToken: action.token,
          heartbeatTimeout: 600 }), `${name}: 10 more minutes.`) }, '+10 min')) : null),
  h('p', { class: 'mono' }, action.instances.join(', ')));
}

function hookItem(hook) {
  const transition = hook.transition === 'SCALE_IN' ? 'removed' : 'added';
  return h('li', {}, h('p', { class: 'line' }, badge(hook.status), h('b', {}, hook.name),
    h('small', {}, hook.group), h('span', { class: 'push' }, h('button', { type: 'button',
      class: 'small danger', 'aria-label': `Delete ${hook.name}`, onclick: () => attempt(() =>
        perform('DeleteLifecycleHook', { LifecycleHookId: hook.id }), `${hook.name} deleted.`) },
    'Delete'))),
  h('p', { class: 'quiet' }, `Holds instances that are ${transition}, up to `
    + `${duration(hook.timeout)}, then ${hook.default}.`
    + `${hook.arn ? ` Notifies ${hook.arn}.` : ''}`));
}

function askHook() {
  return askForm({
    title: 'New lifecycle hook', action: 'Create',
    lead: 'It holds instances on their way in or out, until it is completed or times out.',
    fields: [
      { name: 'ScalingGroupId', label: 'Group', options: list('groups').map((one) => [one.id]) },
      { name: 'LifecycleHookName', label: 'Name', value: 'drain' },
      { name: 'LifecycleTransition', label: 'Holds instances that are', value: 'SCALE_IN',
        options: [['SCALE_IN', 'removed'], ['SCALE_OUT', 'added']] },
      { name: 'HeartbeatTimeout', label: 'Timeout in seconds', type: 'number', value: 600,
        required: true },
      { name: 'DefaultResult', label: 'When it times out', options: RESULTS, value: 'CONTINUE' },
    ],
    run: (values) => perform('CreateLifecycleHook', values),
  });
}

export function hooksView() {
  const held = h('ul', { class: 'rows' });
  const hooks = h('ul', { class: 'rows' });
  const noneHeld = h('div', {});
  const noHooks = h('div', {});
  const element = h('div', { class: 'view stack' }, h('h2', {}, 'Lifecycle hooks'),
    h('section', { class: 'card', 'aria-label': 'Held instances' }, h('header', {},
      h('h3', {}, 'Held instances')), held, noneHeld),
    h('section', { class: 'card', 'aria-label': 'Hooks' }, h('header', {}, h('h3', {}, 'Hooks'),
      h('span', { class: 'push' }, h('button', { type: 'button', class: 'small',
        onclick: askHook }, 'New'))), hooks, noHooks));
  return {
    element,
    update() {
      const order = (one) => (one.status === 'Pending' ? 0 : 1);
      const actions = list('held').reverse().sort((one, other) => order(one) - order(other));
      drawList(held, actions, (one) => one.token, heldItem);
      drawIfNew(noneHeld, actions.length > 0, () => (actions.length ? []
        : empty('No instance is held.',
          'A hook holds instances when its group grows or shrinks.')));
      const all = list('hooks');
      drawList(hooks, all, (one) => one.id, hookItem);
      drawIfNew(noHooks, all.length > 0, () => (all.length ? [] : empty('No hooks.',
        'Make one, then remove an instance of its group to see it held.')));
    },
    tick() {
      for (const place of held.querySelectorAll('[data-token]')) {
        const action = data.held.get(place.dataset.token);
        if (action) setText(place, `${remaining(action)} until ${action.default}`);
      }
    },
  };
}
