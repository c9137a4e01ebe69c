// Alarm tasks, scaling rules and scheduled tasks of all groups: make, run, raise, delete.
import { drawIfNew, drawList, empty, h } from './dom.js';
import { data, list } from './data.js';
import { askForm } from './dialogs.js';
import { badge, clockTime } from './format.js';
import { attempt, perform, postHere } from './requests.js';
import { alertRuleItem, askAlertRule } from './alert_rules.js';

const groupOptions = () => list('groups').map((group) => [group.id, group.name
  ? `${group.name} (${group.id})` : group.id]);
const nameOf = (id) => data.groups.get(id)?.name || id;
const button = (text, act, label, kind = '') => h('button', { type: 'button',
  class: `small ${kind}`, 'aria-label': label, onclick: act }, text);

const setAlarm = (alarm, state) => attempt(() => postHere('/localcloud/alarms',
  { alarmTaskId: alarm.id, state }), `Alarm task ${alarm.name}: ${state}.`);
const act = (action, params, done) => attempt(() => perform(action, params), done);

function alarmItem(alarm) {
  const id = { AlarmTaskId: alarm.id };
  const toggle = alarm.enabled ? 'DisableAlarm' : 'EnableAlarm';
  return h('li', {},
    h('p', { class: 'line' }, badge(alarm.state), alarm.enabled ? null : badge('disabled', 'warn'),
      h('b', {}, alarm.name), h('small', {}, nameOf(alarm.group)),
      h('span', { class: 'buttons push' },
        button('Raise', () => setAlarm(alarm, 'ALARM'), `Raise ${alarm.name}`),
        button('OK', () => setAlarm(alarm, 'OK'), `Set ${alarm.name} to OK`),
        button(alarm.enabled ? 'Disable' : 'Enable',
          () => act(toggle, id, `${alarm.name} changed.`),
          `${alarm.enabled ? 'Disable' : 'Enable'} ${alarm.name}`),
        button('Delete', () => act('DeleteAlarm', id, `${alarm.name} deleted.`),
          `Delete ${alarm.name}`, 'danger'))),
    h('p', { class: 'quiet' }, `${alarm.condition}, ${alarm.count} times in a row, each `
      + `${alarm.period} s. Runs ${alarm.actions.map(ruleName).join(', ') || 'no rule'}.`));
}

const ruleName = (ari) => list('rules').find((rule) => rule.ari === ari)?.name ?? ari;

function ruleItem(rule) {
  const change = rule.adjustment ? `${rule.adjustment} ${rule.value ?? ''}` : rule.type;
  return h('li', {}, h('p', { class: 'line' }, h('b', {}, rule.name),
    h('small', {}, `${nameOf(rule.group)} · ${change}`),
    h('span', { class: 'buttons push' },
      button('Execute', () => act('ExecuteScalingRule', { ScalingRuleAri: rule.ari },
        `${rule.name} executed.`), `Execute ${rule.name}`),
      button('Delete', () => act('DeleteScalingRule', { ScalingRuleId: rule.id },
        `${rule.name} deleted.`), `Delete ${rule.name}`, 'danger'))));
}

function taskItem(task) {
  const [min, max, desired] = task.sizes;
  const sizes = [min !== null ? `MinSize ${min}` : '', max !== null ? `MaxSize ${max}` : '',
    desired !== null ? `desired ${desired}` : ''].filter(Boolean).join(', ');
  return h('li', {}, h('p', { class: 'line' }, badge(task.enabled ? 'enabled' : 'disabled',
    task.enabled ? 'good' : 'warn'), h('b', {}, task.name),
  h('small', {}, `${nameOf(task.group)} · ${clockTime(task.at)} ${task.recurs} · `
    + `${task.action ? ruleName(task.action) : sizes}`),
  h('span', { class: 'push' }, button('Delete', () => act('DeleteScheduledTask',
    { ScheduledTaskId: task.id }, `${task.name} deleted.`), `Delete ${task.name}`, 'danger'))));
}

function askRule() {
  return askForm({
    title: 'New scaling rule', action: 'Create',
    fields: [
      { name: 'ScalingGroupId', label: 'Group', options: groupOptions() },
      { name: 'ScalingRuleName', label: 'Name' },
      { name: 'AdjustmentType', label: 'Change', value: 'QuantityChangeInCapacity',
        options: [['QuantityChangeInCapacity', 'by a number of instances'],
          ['PercentChangeInCapacity', 'by a percentage'], ['TotalCapacity', 'to a capacity']] },
      { name: 'AdjustmentValue', label: 'Value', type: 'number', value: -1, required: true,
        help: 'Negative: fewer.' },
    ],
    run: (values) => perform('CreateScalingRule', values),
  });
}

function askAlarm() {
  return askForm({
    title: 'New alarm task', action: 'Create',
    lead: 'Its condition is evaluated against the metric values of the instances in service.',
    fields: [
      { name: 'ScalingGroupId', label: 'Group', options: groupOptions() },
      { name: 'Name', label: 'Name', value: 'cpu-low' },
      { name: 'MetricName', label: 'Metric', value: 'CpuUtilization', required: true },
      { name: 'ComparisonOperator', label: 'Condition', value: '<=',
        options: [['<='], ['<'], ['>='], ['>']] },
      { name: 'Threshold', label: 'Threshold', type: 'number', value: 20, required: true },
      { name: 'Period', label: 'Period in seconds', type: 'number', value: 60, required: true },
      { name: 'rule', label: 'Runs the rule', options: [['', 'none'],
        ...list('rules').map((rule) => [rule.ari, `${rule.name} (${nameOf(rule.group)})`])] },
    ],
    run: ({ rule, ...values }) => perform('CreateAlarm',
      { ...values, ...(rule ? { 'AlarmAction.1': rule } : {}) }),
  });
}

function askTask() {
  const soon = new Date(Date.now() + 3_600_000).toISOString().slice(0, 16);
  return askForm({
    title: 'New scheduled task', action: 'Create',
    fields: [
      { name: 'LaunchTime', label: 'When, UTC', value: `${soon}Z`, required: true },
      { name: 'rule', label: 'Rule', options: list('rules').map((rule) =>
        [rule.ari, `${rule.name} (${nameOf(rule.group)})`]) },
    ],
    run: ({ rule, LaunchTime }) => perform('CreateScheduledTask',
      { LaunchTime, ScheduledAction: rule }),
  });
}

function section(title, advice, ask, make) {
  const items = h('ul', { class: 'rows' });
  const none = h('div', {});
  const element = h('section', { class: 'card', 'aria-label': title }, h('header', {},
    h('h3', {}, title), h('span', { class: 'push' }, h('button', { type: 'button', class: 'small',
      onclick: ask }, 'New'))), items, none);
  return {
    element,
    draw(rows) {
      drawList(items, rows, (one) => one.id, make,
        (one) => JSON.stringify([one, data.groups.get(one.group)?.name, data.rules.size]));
      drawIfNew(none, rows.length > 0, () => (rows.length ? [] : empty(`No ${title.toLowerCase()}.`,
        advice)));
    },
  };
}

export function alarmsView() {
  const alarms = section('Alarm tasks', 'An alarm task runs a scaling rule while a metric is '
    + 'beyond a threshold. Make a rule first.', askAlarm, alarmItem);
  const alerts = section('Alert rules', 'An alert rule of CloudMonitor writes an alert to a queue '
    + 'or topic while a metric is beyond a threshold; a trigger gives it to a function.',
  askAlertRule, alertRuleItem);
  const rules = section('Scaling rules', 'A rule changes the capacity of a group when an alarm, a '
    + 'scheduled task or a person runs it.', askRule, ruleItem);
  const tasks = section('Scheduled tasks', 'A scheduled task runs a rule at a time.', askTask,
    taskItem);
  return {
    element: h('div', { class: 'view stack' }, h('h2', {}, 'Alarms and rules'), alarms.element,
      alerts.element, rules.element, tasks.element),
    update() {
      alarms.draw(list('alarms'));
      alerts.draw(list('metricRules'));
      rules.draw(list('rules'));
      tasks.draw(list('tasks'));
    },
  };
}
