// Makes and changes elements. Texts are texts, never markup.

const SVG = 'http://www.w3.org/2000/svg';

export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  setAttributes(node, attributes);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined
    && child !== false));
  return node;
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  setAttributes(node, attributes);
  node.append(...children.flat());
  return node;
}

function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') node.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked') node[name] = value;
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) {
      node.setAttribute(name, value);
    }
  }
}

// Sets a text only if it differs: a screen reader hears what is new, and nothing else.
export function setText(node, text) {
  if (node.textContent !== String(text)) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (value === null || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

// Replaces the content unless the same inputs made it before; returns whether it did.
export function drawIfNew(node, inputs, draw) {
  const signature = JSON.stringify(inputs);
  if (node.signature === signature) return false;
  node.signature = signature;
  node.replaceChildren(...[draw()].flat().filter(Boolean));
  return true;
}

// Keeps one child for each item, by key; a child is made again only if its item has changed.
export function drawList(place, items, keyOf, draw, signatureOf = JSON.stringify) {
  const present = place.childByKey ??= new Map();
  const keys = new Set(items.map(keyOf));
  for (const [key, child] of present) {
    if (!keys.has(key)) {
      child.node.remove();
      present.delete(key);
    }
  }
  items.forEach((item, index) => {
    const key = keyOf(item);
    const signature = signatureOf(item);
    let child = present.get(key);
    if (child?.signature !== signature) child = replaceChild(present, key, child, draw(item));
    child.signature = signature;
    if (place.children[index] !== child.node) {
      place.insertBefore(child.node, place.children[index] ?? null);
    }
  });
}

function replaceChild(present, key, before, node) {
  const child = { node };
  if (before) {
    const isOpen = before.node.querySelector('details')?.open;
    const details = node.querySelector('details');
    if (isOpen && details) details.open = true;
    const hadFocus = before.node.contains(document.activeElement);
    before.node.replaceWith(node);
    if (hadFocus) (node.querySelector('a, button, summary') ?? node).focus?.();
  }
  present.set(key, child);
  return child;
}

// Where what a list opens stands below the list, in a narrow window, brings it into sight.
export function showBelow(node) {
  const { top } = node.getBoundingClientRect();
  if (top > innerHeight * 0.6) node.scrollIntoView({ block: 'start' });
}

export function empty(title, ...advice) {
  return h('div', { class: 'empty' }, h('strong', {}, title), ...advice.map((part) =>
    (typeof part === 'string' ? h('p', {}, part) : part)));
}

export function pairs(entries) {
  const shown = entries.filter(([, value]) => value !== '' && value !== null
    && value !== undefined);
  return h('dl', { class: 'pairs' }, shown.flatMap(([name, value]) =>
    [h('dt', {}, name), h('dd', {}, value instanceof Node ? value : String(value))]));
}

// options: [value, text] pairs, of which one is pressed.
export function pressable(options, chosen, choose, label) {
  const buttons = options.map(([value, text]) => h('button', {
    type: 'button',
    'aria-pressed': String(value === chosen),
    onclick: (event) => {
      for (const one of buttons) one.setAttribute('aria-pressed', one === event.target);
      choose(value);
    },
  }, text));
  return h('span', { class: 'joined', role: 'group', 'aria-label': label }, buttons);
}
