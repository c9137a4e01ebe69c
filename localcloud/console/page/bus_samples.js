// Events of Auto Scaling and ECS to start from: of a group and an instance that exist here.
import { cloud, list, ofGroup } from './data.js';

const ECS = [
  ['Spot instance: interruption', 'PreemptibleInstanceInterruption', { action: 'delete' }],
  ['Instance: state Stopped', 'StateChange', { resourceType: 'ALIYUN::ECS::Instance',
    state: 'Stopped' }],
  ['System maintenance: reboot scheduled', 'SystemMaintenance.Reboot:Scheduled',
    { eventId: 'e-1', eventType: 'SystemMaintenance.Reboot', eventStatus: 'Scheduled' }],
];
const ESS = [['Scaling activity: removal succeeded', 'ScaleInSuccess'],
  ['Scaling activity: removal failed', 'ScaleInError'],
  ['Scaling activity: addition succeeded', 'ScaleOutSuccess']];

function ecsEvent(place, instance, name, data) {
  const [account, region] = place.split('/');
  const id = name === 'StateChange' ? { resourceId: instance } : { instanceId: instance };
  return { source: 'acs.ecs', type: `ecs:Instance:${name}`,
    subject: `acs:ecs:${region}:${account}:instance/${instance}`, data: { ...id, ...data } };
}

function essEvent(place, group, instance, name) {
  const [account, region] = place.split('/');
  return { source: 'acs.ess', type: `ess:ScalingActivity:${name}`,
    subject: `acs:ess:${region}:${account}:scalinggroup/${group}`,
    data: { scalingGroupId: group, scalingActivityId: 'asa-1', instanceIds: [instance] } };
}

// Returns the samples by name, for the place that is shown, else for that of the fleet file.
export function busSamples() {
  const place = cloud('place') || cloud('home');
  const group = list('groups').find((one) => `${one.account}/${one.region}` === place);
  const id = group?.id ?? 'asg-1';
  const instance = ofGroup('instances', id)[0]?.id ?? 'i-1';
  return new Map([
    ...ECS.map(([title, name, content]) => [title, ecsEvent(place, instance, name, content)]),
    ...ESS.map(([title, name]) => [title, essEvent(place, id, instance, name)]),
  ]);
}
