// Forms in a dialog. A refusal is shown in it, so that what was entered is not lost.
import { h } from './dom.js';

// option: value and text, or { label, options } for those that belong together.
function optionView(option, chosen) {
  if (option.options) {
    return h('optgroup', { label: option.label },
      option.options.map((one) => optionView(one, chosen)));
  }
  const [value, text] = option;
  return h('option', { value, selected: value === chosen }, text ?? value);
}

function fieldView(field) {
  const common = { name: field.name, id: `field-${field.name}`, required: field.required };
  let input;
  if (field.options) {
    input = h('select', { ...common, onchange: field.change
      ? (event) => field.change(event.target.value, event.target.form) : null },
    field.options.map((option) => optionView(option, field.value)));
  } else if (field.type === 'lines') {
    input = h('textarea', { ...common, rows: field.rows ?? 3, placeholder: field.placeholder });
    input.value = field.value ?? '';
  } else if (field.type === 'checkbox') {
    input = h('input', { ...common, type: 'checkbox', required: false });
    input.checked = Boolean(field.value);
    return h('label', { class: 'check' }, input, field.label);
  } else {
    input = h('input', { ...common, type: field.type ?? 'text', step: 'any',
      placeholder: field.placeholder, list: field.list, autocomplete: 'off',
      min: field.min, value: field.value ?? '' });
  }
  return h('label', {}, h('span', { class: field.required ? 'required' : '' }, field.label), input,
    field.help ? h('small', {}, field.help) : null);
}

export function valuesOf(form) {
  const values = {};
  for (const input of form.elements) {
    if (input.name) values[input.name] = input.type === 'checkbox' ? input.checked : input.value;
  }
  return values;
}

export function faultView() {
  return h('p', { class: 'fault', role: 'alert', hidden: true });
}

export function showFault(place, error) {
  place.hidden = !error;
  if (!error) return;
  const code = error.code ? `${error.code}: ` : '';
  place.replaceChildren(h('strong', {}, `${code}${error.message}`),
    error.hint ? h('span', {}, error.hint) : '');
}

// Resolves to what `run` returns (or the values), or to null where the person cancels.
export function askForm({
  title, lead = '', fields = [], action = 'Apply', danger = false, wide = false, run,
}) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const fault = faultView();
    const kind = danger ? 'first danger' : 'first';
    const submit = h('button', { class: kind, type: 'submit' }, action);
    const cancel = h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel');
    const form = h('form', { method: 'dialog' },
      h('h2', { id: 'dialog-title' }, title), lead ? h('p', { class: 'lead' }, lead) : null,
      h('div', { class: 'form' }, fields.map(fieldView), fault),
      h('footer', {}, cancel, submit));
    const dialog = h('dialog', { 'aria-labelledby': 'dialog-title',
      class: wide ? 'wide' : null }, form);
    let result = null;
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      submit.disabled = true;
      showFault(fault, null);
      try {
        const values = valuesOf(form);
        result = run ? await run(values) ?? true : values;
        dialog.close();
      } catch (error) {
        showFault(fault, error);
        submit.disabled = false;
      }
    });
    dialog.addEventListener('close', () => {
      dialog.remove();
      before?.focus?.();
      resolve(result);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
