// Alert rules of CloudMonitor, which write to queues and topics: make, raise, delete.
import { h } from './dom.js';
import { list } from './data.js';
import { askForm } from './dialogs.js';
import { badge } from './format.js';
import { arnView, listed } from './links.js';
import { queueArn } from './queue_actions.js';
import { attempt, numbered, perform, postHere } from './requests.js';

const OPERATORS = [['LessThanThreshold', '<'], ['LessThanOrEqualToThreshold', '<='],
  ['GreaterThanThreshold', '>'], ['GreaterThanOrEqualToThreshold', '>=']];
const SIGN = new Map(OPERATORS);

// A resource as its dimensions, such as scaling_group asg-web.
function resourceText(name) {
  try {
    return Object.entries(JSON.parse(name)).map((pair) => pair.join(' ')).join(', ');
  } catch { return name; }
}

function resourceView(one) {
  const value = one.value === null ? 'no value yet' : `last ${Number(one.value.toFixed(2))}`;
  const breaches = Object.entries(one.breaches).filter(([, times]) => times)
    .map(([level, times]) => `${level} ${times} in a row`).join(', ');
  return h('p', { class: 'line quiet' }, badge(one.level), h('span', {}, resourceText(one.name)),
    h('span', { class: 'number' }, [value, breaches].filter(Boolean).join(' · ')));
}

const conditionText = (one) => {
  const [statistics, operator, threshold] = one.condition.split(' ');
  return `${one.level}: ${statistics} ${SIGN.get(operator) ?? operator} ${threshold}, `
    + `${one.times} in a row`;
};

export function alertRuleItem(rule) {
  const button = (text, act, kind = '') => h('button', { type: 'button', class: `small ${kind}`,
    'aria-label': `${text} ${rule.name}`, onclick: act }, text);
  const set = (state) => attempt(() => postHere('/localcloud/alarms', { ruleId: rule.id, state }),
    `Alert rule ${rule.name}: ${state}.`);
  const act = (action, name, done) => attempt(() => perform(action, numbered(name, [rule.id])),
    `${rule.name} ${done}.`);
  return h('li', {},
    h('p', { class: 'line' }, badge(rule.state), rule.enabled ? null : badge('disabled', 'warn'),
      h('b', {}, rule.name), h('small', {}, rule.metric),
      h('span', { class: 'buttons push' }, button('Raise', () => set('ALARM')),
        button('OK', () => set('OK')),
        rule.enabled ? button('Disable', () => act('DisableMetricRules', 'RuleId', 'disabled'))
          : button('Enable', () => act('EnableMetricRules', 'RuleId', 'enabled')),
        button('Delete', () => act('DeleteMetricRules', 'Id', 'deleted'), 'danger'))),
    h('p', { class: 'quiet' }, `${rule.levels.map(conditionText).join('; ')}, each `
      + `${rule.period} s.`),
    h('p', { class: 'quiet' }, ...(rule.targets.length
      ? ['Writes to ', ...listed(rule.targets.map(arnView)), '.']
      : ['Writes to no queue: nothing learns of it.'])),
    rule.resources.map(resourceView));
}

export function askAlertRule() {
  const queues = list('queues').map((one) => [one.name]);
  return askForm({
    title: 'New alert rule', action: 'Create',
    lead: 'It is evaluated each minute against the metric values of the instances in service.',
    fields: [
      { name: 'name', label: 'Name', value: 'cpu-low', required: true },
      { name: 'group', label: 'Group', options: list('groups').map((one) => [one.id]) },
      { name: 'metric', label: 'Metric', value: 'CpuUtilization', required: true },
      { name: 'operator', label: 'Condition', options: OPERATORS, value: OPERATORS[0][0] },
      { name: 'threshold', label: 'Threshold', type: 'number', value: 20, required: true },
      { name: 'times', label: 'Times in a row', type: 'number', min: 1, value: 3,
        required: true },
      { name: 'queue', label: 'Writes to the queue', options: [['', 'none'], ...queues],
        value: queues[0]?.[0] ?? '' },
    ],
    async run({ name, group, metric, operator, threshold, times, queue }) {
      await perform('PutResourceMetricRule', { RuleId: name, RuleName: name,
        Namespace: 'acs_ess_dashboard', MetricName: metric,
        Resources: JSON.stringify([{ scaling_group: group }]),
        'Escalations.Warn.ComparisonOperator': operator,
        'Escalations.Warn.Threshold': threshold, 'Escalations.Warn.Times': times });
      if (queue) {
        await perform('PutMetricRuleTargets', { RuleId: name, 'Targets.1.Id': '1',
          'Targets.1.Arn': queueArn(queue) });
      }
    },
  });
}
