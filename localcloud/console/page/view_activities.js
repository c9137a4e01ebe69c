// Scaling activities of all groups, newest first.
import { empty, h } from './dom.js';
import { list } from './data.js';
import { badge, clockTime } from './format.js';
import { progressCell, progressText, showActivity } from './activity.js';
import { Table } from './table.js';

const instanceCount = (one) => one.removing.length + one.joining.length + one.turning.length;
const instancesText = (one) => {
  const parts = [one.removing.length ? `−${one.removing.length}` : '',
    one.joining.length ? `+${one.joining.length}` : '',
    one.turning.length ? `±${one.turning.length}` : ''].filter(Boolean).join(' ');
  return `${parts} ${[...one.removing, ...one.joining, ...one.turning].slice(0, 3).join(', ')}`;
};

const COLUMNS = [
  { key: 'began', title: 'Began', width: '118px', value: (one) => clockTime(one.began),
    sort: (one) => one.began },
  { key: 'status', title: 'Status', width: '92px', value: (one) => one.status,
    cell: (one) => badge(one.status) },
  { key: 'progress', title: 'Progress', width: '108px', value: progressText,
    cell: progressCell },
  { key: 'group', title: 'Group', width: 'minmax(80px, .6fr)', value: (one) => one.group },
  { key: 'description', title: 'Description', width: 'minmax(184px, 1.1fr)',
    value: (one) => one.description },
  { key: 'instances', title: 'Instances', width: 'minmax(104px, 1fr)', value: instancesText,
    sort: instanceCount },
  { key: 'cause', title: 'Cause', width: 'minmax(126px, 2fr)', value: (one) => one.cause },
  { key: 'id', title: 'Id', width: '176px', value: (one) => one.id, style: 'mono' },
];

export function activitiesView() {
  const table = new Table({
    label: 'Scaling activities', columns: COLUMNS.map((one) => ({ ...one })),
    keyOf: (one) => one.id, onOpen: (one) => showActivity(one.id),
    sort: { key: 'began', down: true },
    emptyView: (isFiltered) => (isFiltered
      ? empty('No activity matches.', 'Clear the search to see all.')
      : empty('No activities yet.', 'They begin when a group grows or shrinks.')),
  });
  const search = h('input', { type: 'search', 'aria-label': 'Search activities',
    placeholder: 'Group, cause, instance, id', oninput: () => {
      const wanted = search.value.trim().toLowerCase();
      table.setFilter(wanted ? (one) => JSON.stringify(one).toLowerCase().includes(wanted) : null);
    } });
  return {
    isFixed: true,
    element: h('div', { class: 'view' }, h('header', { class: 'head' }, h('h2', {}, 'Activities')),
      h('section', { class: 'card flush' }, h('div', { class: 'toolbar' }, search), table.element)),
    update(topics) {
      if (topics.has('all') || topics.has('activities')) table.setRows(list('activities'));
    },
    tick: () => table.refresh(),
  };
}
