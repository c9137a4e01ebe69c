// What can be done with selected instances of a group.
import { h } from './dom.js';
import { data } from './data.js';
import { askForm } from './dialogs.js';
import { attempt, numbered, perform, performOn, toast } from './requests.js';
import { askMetric } from './group_actions.js';
import { plural } from './format.js';

const MAX_LISTED = 6;

function listed(ids) {
  const rest = ids.length > MAX_LISTED ? ` and ${ids.length - MAX_LISTED} more` : '';
  return `${ids.slice(0, MAX_LISTED).join(', ')}${rest}`;
}

async function askRemove(group, ids) {
  const done = await askForm({
    title: `Remove ${plural(ids.length, 'instance')}?`, danger: true, action: 'Remove',
    lead: `${listed(ids)}. MinSize ${data.groups.get(group).min} must remain.`,
    fields: [
      { name: 'policy', label: 'What becomes of the machines', value: 'release',
        options: [['release', 'released'], ['recycle', 'stopped, where the group recycles']] },
      { name: 'decrease', label: 'Decrease the desired capacity', type: 'checkbox', value: true },
      { name: 'ignore', label: 'Ignore instances that cannot be removed', type: 'checkbox' },
    ],
    run: ({ policy, decrease, ignore }) => perform('RemoveInstances', {
      ScalingGroupId: group, ...numbered('InstanceId', ids), RemovePolicy: policy,
      DecreaseDesiredCapacity: decrease, IgnoreInvalidInstance: ignore }),
  });
  if (done?.ScalingActivityId) toast('Removing', `Activity ${done.ScalingActivityId} has begun.`);
}

async function askDetach(group, ids) {
  const done = await askForm({
    title: `Detach ${plural(ids.length, 'instance')}?`, action: 'Detach',
    lead: `${listed(ids)}. The machines run on, outside the group.`,
    fields: [{ name: 'decrease', label: 'Decrease the desired capacity', type: 'checkbox',
      value: true }],
    run: ({ decrease }) => perform('DetachInstances', { ScalingGroupId: group,
      ...numbered('InstanceId', ids), DecreaseDesiredCapacity: decrease }),
  });
  if (done?.ScalingActivityId) toast('Detaching', `Activity ${done.ScalingActivityId} has begun.`);
}

const setHealth = (ids, health) => attempt(async () => {
  for (const id of ids) {
    await perform('SetInstanceHealth', { InstanceId: id, HealthStatus: health });
  }
}, `${plural(ids.length, 'instance')} marked ${health}.`);

const onInstances = (action, params, done) => (group, ids) =>
  attempt(() => performOn(action, group, ids, params),
    `${plural(ids.length, 'instance')} ${done}.`);

// Text, what it does, its looks; whether all instances go in one call, which has a limit.
const ACTIONS = [
  ['Remove', askRemove, 'danger', true],
  ['Protect', onInstances('SetInstancesProtection', { ProtectedFromScaleIn: true }, 'protected')],
  ['Unprotect', onInstances('SetInstancesProtection', { ProtectedFromScaleIn: false },
    'no longer protected')],
  ['Standby', onInstances('EnterStandby', {}, 'on standby')],
  ['In service', onInstances('ExitStandby', {}, 'in service again')],
  ['Detach', askDetach, '', true],
  ['Unhealthy', (group, ids) => setHealth(ids, 'Unhealthy')],
  ['Healthy', (group, ids) => setHealth(ids, 'Healthy')],
  ['Put metric', (group, ids) => askMetric(group, ids)],
];

export function instanceButtons(group, idsOf, after = () => {}) {
  return h('span', { class: 'buttons' }, ACTIONS.map(([text, act, kind, isOneCall]) =>
    h('button', { type: 'button', class: `small ${kind ?? ''}`,
      'data-one-call': isOneCall ? '' : null, onclick: async () => {
      await act(group, idsOf());
      after();
    } }, text)));
}
