// Load balancers and server groups of a group, and whether an instance is behind them.
import { drawList, h } from './dom.js';
import { data, ofGroup } from './data.js';
import { badge, plural } from './format.js';
import { attempt, perform } from './requests.js';

function nameOf(target) {
  const port = target.port ? `, port ${target.port}` : '';
  if (target.serverGroup) return `${target.serverGroup}${port}`;
  return target.balancer;
}

function kindOf(target) {
  if (!target.balancer) return 'server group';
  return target.serverGroup ? `VServer group of ${target.balancer}` : 'load balancer';
}

function setStatus(target, status) {
  const { account, region } = data.groups.get(target.group);
  return attempt(() => perform('SetLoadBalancerStatus', { LoadBalancerId: target.balancer,
    LoadBalancerStatus: status }, `${account}/${region}`), status === 'active'
    ? `${target.balancer} is active.`
    : `${target.balancer} is inactive: all that would scale its groups is refused.`);
}

function statusButton(target) {
  const other = target.status === 'active' ? 'inactive' : 'active';
  return h('button', { type: 'button', class: 'small push',
    'aria-label': `Set ${target.balancer} ${other}, for ${nameOf(target)}`,
    onclick: () => setStatus(target, other) }, `Set ${other}`);
}

function balancerItem(target) {
  const parts = [plural(target.backends, 'backend'),
    target.withoutTraffic ? `${target.withoutTraffic} with weight 0` : '',
    target.unhealthy ? `${target.unhealthy} unhealthy` : ''].filter(Boolean);
  return h('li', {}, h('p', { class: 'line' },
    target.status ? badge(target.status, target.status === 'active' ? 'good' : 'bad') : null,
    h('b', {}, nameOf(target)), h('small', {}, kindOf(target)),
    target.attached ? null : badge('detached: instances were left behind it', 'warn'),
    h('span', { class: 'quiet' }, parts.join(', ')), target.status ? statusButton(target) : null));
}

// Returns the section of a group, which is seen where the group has any, and what draws it.
export function balancersCard(group) {
  const rows = h('ul', { class: 'rows' });
  const element = h('section', { class: 'card', 'aria-label': 'Load balancers', hidden: true },
    h('header', {}, h('h3', {}, 'Load balancers')), rows);
  return {
    element,
    update() {
      const own = ofGroup('balancers', group);
      element.hidden = !own.length;
      drawList(rows, own, (one) => one.key, balancerItem);
    },
  };
}

// Returns [name, text] of each load balancer or server group of an instance's group.
export function backendPairs(instance) {
  const parts = new Map((data.backends.get(`${instance.group} ${instance.id}`) ?? [])
    .map(([key, weight, isHealthy]) => [key, { weight, isHealthy }]));
  return ofGroup('balancers', instance.group).map((target) => {
    const part = parts.get(target.key);
    const text = part ? [part.weight ? `backend, weight ${part.weight}`
      : 'backend, weight 0: no new traffic', part.isHealthy ? '' : 'unhealthy']
      .filter(Boolean).join(', ') : 'no backend';
    return [nameOf(target), text];
  });
}
