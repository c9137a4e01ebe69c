// Which account and region the page shows: all of them, or the one chosen at the top.
import { drawIfNew, h } from './dom.js';
import { cloud, connect, list } from './data.js';

const KEY = 'place';

export const chosenPlace = () => sessionStorage.getItem(KEY) ?? '';

// A place with its account where there are several.
function nameOf(place, places) {
  const isOne = places.every((one) => one.account === place.account);
  return isOne ? place.region : `${place.region} · account ${place.account}`;
}

const valueOf = (place) => `${place.account}/${place.region}`;

export const placeOptions = () => {
  const places = list('places');
  return places.map((one) => [valueOf(one), nameOf(one, places)]);
};

function choose(name) {
  if (name) sessionStorage.setItem(KEY, name);
  else sessionStorage.removeItem(KEY);
  if (location.hash.startsWith('#/groups/')) location.hash = '#/groups';
  connect(name);
}

// Draws the switch where there is more than one place; the cloud says which one it shows.
export function drawPlace(node) {
  const places = list('places');
  const shown = cloud('place') ?? '';
  drawIfNew(node, [places, shown], () => {
    if (places.length < 2) return h('span', {}, cloud('region') ?? '');
    const groups = places.reduce((sum, one) => sum + one.groups, 0);
    const options = [['', `All regions (${groups})`], ...places.map((one) =>
      [valueOf(one), `${nameOf(one, places)} (${one.groups})`])];
    return h('select', { class: 'small', 'aria-label': 'Account and region',
      title: 'Account and region, with how many groups it has',
      onchange: (event) => choose(event.target.value) },
    options.map(([value, text]) => h('option', { value, selected: value === shown }, text)));
  });
}
