// What can be done with a scaling group, as dialogs.
import { h } from './dom.js';
import { cloud, data } from './data.js';
import { askForm } from './dialogs.js';
import { placeOptions } from './place.js';
import { MAX_IDS, attempt, numbered, perform, postHere, toast } from './requests.js';

const PROCESSES = ['ScaleIn', 'ScaleOut', 'HealthCheck', 'AlarmNotification', 'ScheduledAction'];
const ADJUSTMENTS = [['QuantityChangeInCapacity', 'by a number of instances'],
  ['PercentChangeInCapacity', 'by a percentage'], ['TotalCapacity', 'to a capacity']];
const given = (values) => Object.fromEntries(Object.entries(values)
  .filter(([, value]) => value !== '' && value !== null && value !== undefined));
const linesOf = (text) => text.split(/[\s,]+/).filter(Boolean);

export async function askNewGroup() {
  const places = placeOptions();
  await askForm({
    title: 'New scaling group',
    lead: 'It is active at once, and grows to its MinSize.',
    fields: [
      { name: 'name', label: 'Name' },
      { name: 'min', label: 'MinSize', type: 'number', value: 1, required: true },
      { name: 'max', label: 'MaxSize', type: 'number', value: 10, required: true },
      { name: 'desired', label: 'Desired capacity', type: 'number', help: 'Empty: none.' },
      ...(places.length > 1 ? [{ name: 'place', label: 'Region', options: places,
        value: cloud('place') || cloud('home') }] : []),
    ],
    action: 'Create',
    async run({ name, min, max, desired, place = '' }) {
      const made = await perform('CreateScalingGroup', given({ ScalingGroupName: name,
        MinSize: min, MaxSize: max, DesiredCapacity: desired }), place);
      const id = made.ScalingGroupId;
      const source = await perform('CreateScalingConfiguration', { ScalingGroupId: id,
        InstanceType: 'ecs.g7.large', ImageId: 'ubuntu', SecurityGroupId: 'sg-1' }, place);
      await perform('EnableScalingGroup', { ScalingGroupId: id,
        ActiveScalingConfigurationId: source.ScalingConfigurationId }, place);
      location.hash = `#/groups/${encodeURIComponent(id)}`;
    },
  });
}

function askSizes(group) {
  return askForm({
    title: 'Sizes', lead: 'Auto Scaling keeps the capacity between MinSize and MaxSize, and at the '
      + 'desired capacity where there is one.',
    fields: [
      { name: 'min', label: 'MinSize', type: 'number', value: group.min, required: true },
      { name: 'max', label: 'MaxSize', type: 'number', value: group.max, required: true },
      ...(group.desired === null ? [] : [{ name: 'desired', label: 'Desired capacity',
        type: 'number', value: group.desired, required: true }]),
    ],
    run: ({ min, max, desired }) => perform('ModifyScalingGroup', given({
      ScalingGroupId: group.id, MinSize: min, MaxSize: max, DesiredCapacity: desired })),
  });
}

async function askScale(group) {
  const done = await askForm({
    title: 'Scale by hand', lead: 'ESS creates instances, or selects which to remove by the '
      + 'removal policies of the group.',
    fields: [
      { name: 'type', label: 'Change', options: ADJUSTMENTS, value: ADJUSTMENTS[0][0] },
      { name: 'value', label: 'Value', type: 'number', value: 1, required: true,
        help: 'Negative: fewer.' },
    ],
    action: 'Scale',
    run: ({ type, value }) => perform('ScaleWithAdjustment', {
      ScalingGroupId: group.id, AdjustmentType: type, AdjustmentValue: value }),
  });
  if (done?.ScalingActivityId) toast('Scaling', `Activity ${done.ScalingActivityId} has begun.`);
}

function askAttach(group) {
  return askForm({
    title: 'Attach instances', lead: `Up to ${MAX_IDS} in one call. An id that no group has `
      + 'counts as a running machine.',
    fields: [
      { name: 'ids', label: 'Instance ids', type: 'lines', required: true,
        placeholder: 'i-mine-01 i-mine-02' },
      { name: 'entrusted', label: 'ESS may release these instances (Entrusted)',
        type: 'checkbox' },
    ],
    action: 'Attach',
    run: ({ ids, entrusted }) => perform('AttachInstances', { ScalingGroupId: group.id,
      ...numbered('InstanceId', linesOf(ids)), Entrusted: entrusted }),
  });
}

function askProcesses(group) {
  return askForm({
    title: 'Suspended processes', lead: 'A suspended process does not run until it is resumed. '
      + 'While ScaleIn is suspended, removals are refused.',
    fields: PROCESSES.map((name) => ({ name, label: name, type: 'checkbox',
      value: group.suspended.includes(name) })),
    async run(values) {
      const before = new Set(data.groups.get(group.id).suspended);
      const suspend = PROCESSES.filter((name) => values[name] && !before.has(name));
      const resume = PROCESSES.filter((name) => !values[name] && before.has(name));
      const id = { ScalingGroupId: group.id };
      if (suspend.length) {
        await perform('SuspendProcesses', { ...id, ...numbered('Process', suspend) });
      }
      if (resume.length) {
        await perform('ResumeProcesses', { ...id, ...numbered('Process', resume) });
      }
    },
  });
}

export function askMetric(groupId, ids) {
  const target = ids ? `${ids.length} instance${ids.length === 1 ? '' : 's'}` : 'the whole group';
  return askForm({
    title: 'Put a metric', lead: `The newest value of ${target}: CloudMonitor answers it, and `
      + 'alarm tasks see it at their next evaluation.',
    fields: [
      { name: 'metricName', label: 'Metric', value: 'CPUUtilization', required: true,
        help: 'As in CloudMonitor, such as CPUUtilization or memory_usedutilization.' },
      { name: 'value', label: 'Value', type: 'number', required: true },
    ],
    action: 'Put',
    run: ({ metricName, value }) => postHere('/localcloud/metrics', {
      ...(ids ? { instanceIds: ids } : { groupId }), metricName, value: Number(value) }),
  });
}

function askDelete(group) {
  return askForm({
    title: `Delete ${group.name || group.id}?`, danger: true, action: 'Delete',
    lead: `Its ${group.count} instances are released. This cannot be undone.`,
    async run() {
      await perform('DeleteScalingGroup', { ScalingGroupId: group.id, ForceDelete: true });
      location.hash = '#/groups';
    },
  });
}

const setActive = (group, isActive) => attempt(() => perform(
  isActive ? 'EnableScalingGroup' : 'DisableScalingGroup', { ScalingGroupId: group.id },
), isActive ? 'The group is active.' : 'The group is disabled: nothing scales it.');

const setProtection = (group, isProtected) => attempt(() => perform('SetGroupDeletionProtection', {
  ScalingGroupId: group.id, GroupDeletionProtection: isProtected,
}), isProtected ? 'The group is protected from deletion.' : 'The group may be deleted.');

export function groupButtons(group) {
  const button = (text, act, kind = '') => h('button', { type: 'button', class: kind,
    onclick: () => act(data.groups.get(group.id) ?? group) }, text);
  const isActive = group.state === 'Active';
  return h('span', { class: 'buttons' },
    button('Scale', askScale, 'first'), button('Sizes', askSizes), button('Suspend', askProcesses),
    button('Attach', askAttach), button('Put metric', (one) => askMetric(one.id, null)),
    button(isActive ? 'Disable' : 'Enable', (one) => setActive(one, !isActive)),
    button(group.protected ? 'Allow deletion' : 'Protect group',
      (one) => setProtection(one, !group.protected)),
    button('Delete', askDelete, 'danger'));
}
