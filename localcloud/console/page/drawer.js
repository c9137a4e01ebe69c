// The drawer at the right: details of one instance, activity or log entry.
import { h } from './dom.js';

let before = null;
let closing = null;
const drawer = () => document.getElementById('drawer');

// kind: `wide` for events, answers and logs.
export function openDrawer(title, content, onClose = null, kind = '') {
  closing?.();
  closing = onClose;
  if (drawer().hidden) before = document.activeElement;
  const close = h('button', { class: 'plain', 'aria-label': 'Close the details',
    onclick: () => closeDrawer(true) }, '✕');
  drawer().replaceChildren(h('header', {}, h('h2', {}, title), close), content);
  drawer().className = `drawer ${kind}`;
  drawer().hidden = false;
  drawer().onkeydown = (event) => { if (event.key === 'Escape') closeDrawer(true); };
  close.focus({ preventScroll: true });
}

export function closeDrawer(withFocus = false) {
  if (drawer().hidden) return;
  drawer().hidden = true;
  drawer().replaceChildren();
  closing?.();
  closing = null;
  if (withFocus) before?.focus?.({ preventScroll: true });
}
