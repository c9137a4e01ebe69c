// Events by sender, each with its story; fires one at a function, as it is or edited.
import { drawIfNew, empty, h, showBelow } from './dom.js';
import { faultView, showFault } from './dialogs.js';
import { get, post } from './requests.js';
import { badge } from './format.js';
import { outcomeView } from './why.js';

// Returns what a function answered, out of an HTTP answer or an error's message.
function outcomesOf(reply) {
  let answer = JSON.parse(reply.answer);
  if (reply.failed && answer?.errorMessage) {
    const message = answer.errorMessage;
    try { answer = JSON.parse(message); } catch { answer = { status: 'error', message }; }
  }
  if (answer?.statusCode && typeof answer.body === 'string') {
    try { answer = JSON.parse(answer.body); } catch {
      answer = { status: String(answer.statusCode), message: answer.body };
    }
  }
  return answer?.outcomes ?? [answer];
}

class EventsView {
  constructor() {
    this.search = h('input', { type: 'search', 'aria-label': 'Find an event',
      placeholder: 'Find: sender, name, story', oninput: () => this.drawList() });
    this.events = h('div', {});
    this.title = h('h3', {}, 'No event selected');
    this.story = h('p', { class: 'quiet' }, 'Select one of the list: it can be read and edited '
      + 'here before it is fired.');
    this.text = h('textarea', { rows: 14, 'aria-label': 'The event, as it is sent',
      spellcheck: 'false' });
    this.target = h('select', { 'aria-label': 'Function' });
    this.button = h('button', { class: 'first', type: 'button', disabled: true,
      onclick: () => this.fire() }, 'Fire');
    this.fault = faultView();
    this.result = h('div', { id: 'fired', role: 'status', 'aria-live': 'polite', class: 'stack' });
    this.editor = h('section', { class: 'card stack sticky', 'aria-label': 'Event' },
      h('div', {}, this.title, this.story), this.text,
      h('div', { class: 'buttons' }, this.target, this.button), this.fault, this.result);
    this.element = h('div', { class: 'view' }, h('header', { class: 'head' },
      h('h2', {}, 'Fire an event')), h('p', { class: 'lead' }, 'One file for each sender and '
      + 'story, sent as if it happened now.'), h('div', { class: 'columns events' },
      h('section', { class: 'card', 'aria-label': 'Events' }, this.search, this.events),
      this.editor));
    this.groups = [];
    this.load();
  }

  update() {}

  async load() {
    try {
      const reply = await get('/localcloud/events');
      this.groups = reply.groups;
      this.canFire = reply.functions.length > 0;
      this.target.replaceChildren(...reply.functions.map((name) =>
        h('option', { value: name }, name)));
      this.target.hidden = !this.canFire;
      this.message = reply.message;
      if (reply.message) showFault(this.fault, { message: reply.message });
    } catch (error) {
      showFault(this.fault, error);
    }
    this.drawList();
  }

  drawList() {
    const wanted = this.search.value.trim().toLowerCase();
    const matches = (event, sender) => `${sender} ${event.name} ${event.story} ${event.setup}`
      .toLowerCase().includes(wanted);
    const groups = this.groups.map(({ sender, events }) => ({ sender,
      events: events.filter((event) => matches(event, sender)) }))
      .filter((one) => one.events.length);
    drawIfNew(this.events, groups, () => (groups.length ? groups.map((group) =>
      h('section', { class: 'sender', 'aria-label': group.sender }, h('h3', {}, group.sender),
        group.events.map((event) => this.eventButton(event))))
      : [empty(this.groups.length ? 'No event matches.' : 'No events.', this.groups.length
        ? 'Search for a sender, such as kafka, or a word of a story.'
        : 'Name a folder of JSON files in the fleet file, under function: events.')]));
  }

  eventButton(event) {
    return h('button', { type: 'button', class: 'event', 'data-event': event.name,
      onclick: () => this.select(event) }, h('b', {}, event.name),
    event.story ? h('small', {}, event.story) : null);
  }

  async select(event) {
    for (const button of this.events.querySelectorAll('.event')) {
      button.toggleAttribute('aria-current', false);
      if (button.dataset.event === event.name) button.setAttribute('aria-current', 'true');
    }
    this.event = event;
    this.title.textContent = event.name;
    const setup = event.setup && event.setup !== 'The same.' ? ` Set up: ${event.setup}` : '';
    this.story.textContent = `${event.story}${setup}`;
    this.result.replaceChildren();
    showBelow(this.editor);
    try {
      const { text } = await get(`/localcloud/events/${encodeURIComponent(event.name)}`);
      this.text.value = this.original = text;
      this.button.disabled = !this.canFire;
      showFault(this.fault, this.message ? { message: this.message } : null);
    } catch (error) {
      showFault(this.fault, error);
    }
  }

  async fire() {
    const isEdited = this.text.value !== this.original;
    const name = this.event.name;
    this.button.disabled = true;
    this.button.textContent = 'Firing …';
    showFault(this.fault, null);
    try {
      const what = isEdited ? { text: this.text.value } : { event: name };
      const reply = await post('/localcloud/fire', { ...what, function: this.target.value });
      const raised = reply.failed ? badge('raised: it is delivered again', 'warn') : null;
      this.result.replaceChildren(h('div', { class: 'rows' }, raised ?? '',
        ...outcomesOf(reply).map(outcomeView)));
    } catch (error) {
      showFault(this.fault, error);
    }
    this.button.disabled = false;
    this.button.textContent = 'Fire';
    this.button.focus();
  }
}

export const eventsView = () => new EventsView();
