// Any action of the API, with its parameters, performed here without an SDK.
import { drawIfNew, empty, h, showBelow } from './dom.js';
import { faultView, showFault, valuesOf } from './dialogs.js';
import { get, numbered, perform } from './requests.js';
import { badge, json } from './format.js';

// A list is numbered: its name is another than that of a single value.
const nameOf = ({ name, list }) => (list ? `${name}.N` : name);
const listOf = (text) => text.split(/[\s,]+/).filter(Boolean);

// Returns "Name=value" lines as parameters, such as StepAdjustment.1.ScalingAdjustment=2.
function extraOf(text) {
  const lines = text.split('\n').filter((line) => line.includes('='));
  return Object.fromEntries(lines.map((line) => {
    const at = line.indexOf('=');
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  }));
}

class ApiView {
  constructor() {
    this.search = h('input', { type: 'search', 'aria-label': 'Find an action',
      placeholder: 'Find an action', oninput: () => this.drawList() });
    this.actions = h('div', {});
    this.place = h('div', {}, empty('No action selected.', 'Select one of the list. It is '
      + 'performed as this console, unsigned, and meets no fault.'));
    this.element = h('div', { class: 'view' }, h('header', { class: 'head' }, h('h2', {}, 'API')),
      h('p', { class: 'lead' }, 'All that Auto Scaling, CloudMonitor, EventBridge and '
        + 'load balancers can, by hand. Each call is in the log.'),
      h('div', { class: 'columns events' },
        h('section', { class: 'card', 'aria-label': 'Actions' }, this.search, this.actions),
        h('section', { class: 'card sticky', 'aria-label': 'Call' }, this.place)));
    this.known = [];
    this.load();
  }

  update() {}

  async load() {
    try {
      this.known = (await get('/localcloud/actions')).actions;
    } catch (error) {
      const fault = faultView();
      showFault(fault, error);
      this.place.replaceChildren(fault);
    }
    this.drawList();
  }

  drawList() {
    const wanted = this.search.value.trim().toLowerCase();
    const shown = this.known.filter((one) => one.name.toLowerCase().includes(wanted));
    drawIfNew(this.actions, shown.map((one) => one.name), () => (shown.length
      ? shown.map((one) => h('button', { type: 'button', class: 'event',
        onclick: (event) => this.select(one, event.currentTarget) }, h('b', {}, one.name),
      one.missing ? h('small', {}, `Limits: ${one.missing}`) : null))
      : [empty('No action matches.', 'An action has a name such as DescribeScalingGroups.')]));
  }

  select(action, button) {
    this.chosen?.removeAttribute('aria-current');
    button.setAttribute('aria-current', 'true');
    this.chosen = button;
    const fault = faultView();
    const result = h('div', { role: 'status', 'aria-live': 'polite' });
    const fields = action.parameters.map((parameter) => h('label', {},
      h('span', { class: parameter.required ? 'required' : '' }, nameOf(parameter)),
      h('input', { name: nameOf(parameter), required: parameter.required, autocomplete: 'off',
        placeholder: parameter.list ? 'several: separated by spaces' : '' })));
    const extra = h('textarea', { name: '', rows: 2, 'aria-label': 'More parameters',
      placeholder: 'More, such as Tag.1.Key=team' });
    const form = h('form', { class: 'form', onsubmit: async (event) => {
      event.preventDefault();
      showFault(fault, null);
      result.replaceChildren();
      try {
        const answer = await perform(action.name, this.params(action, form, extra));
        result.replaceChildren(badge('200', 'good'), json(answer));
      } catch (error) {
        showFault(fault, error);
      }
    } }, h('h3', {}, action.name), fields, extra,
    h('div', {}, h('button', { class: 'first', type: 'submit' }, 'Perform')), fault, result);
    this.place.replaceChildren(form);
    showBelow(this.place);
    form.querySelector('input, button')?.focus({ preventScroll: true });
  }

  params(action, form, extra) {
    const values = valuesOf(form);
    const params = extraOf(extra.value);
    for (const parameter of action.parameters) {
      const value = values[nameOf(parameter)];
      if (!value) continue;
      Object.assign(params, parameter.list ? numbered(parameter.name, listOf(value))
        : { [parameter.name]: value });
    }
    return params;
  }
}

export const apiView = () => new ApiView();
