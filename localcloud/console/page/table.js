// A table of any length: draws the rows that are seen, and keeps its place while rows change.
import { h, setAttribute, setText } from './dom.js';

const ROW = 32;
const MARGIN = 8;
const compare = (one, other) => (one < other ? -1 : Number(one > other));

// columns: { key, title, width, value(row), cell?(row): Node, sort?(row), end? }
export class Table {
  constructor({ label, columns, keyOf, onOpen, onSelect, emptyView, sort }) {
    Object.assign(this, { columns, keyOf, onOpen, onSelect, emptyView, label });
    this.sort = sort ?? { key: columns[0].key, down: false };
    this.all = [];
    this.shown = [];
    this.filter = null;
    this.selection = new Set();
    this.nodes = new Map();
    this.active = null;
    this.build();
  }

  build() {
    const check = this.onSelect ? ['18px'] : [];
    const widths = [...check, ...this.columns.map((column) => column.width)];
    this.titles = h('div', { class: 'cells titles', role: 'row', 'aria-rowindex': 1 });
    if (this.onSelect) this.titles.append(this.buildSelectAll());
    for (const column of this.columns) this.titles.append(this.buildTitle(column));
    this.space = h('div', { class: 'space', role: 'rowgroup' });
    this.none = h('div', { hidden: true });
    this.element = h('div', { class: 'table', role: 'grid', 'aria-label': this.label,
      'aria-multiselectable': this.onSelect ? 'true' : null },
    h('div', { role: 'rowgroup', class: 'titles' }, this.titles), this.space, this.none);
    const least = widths.map((width) => Number(/\d+/.exec(width)[0]));
    const sum = least.reduce((total, width) => total + width + 14, 14);
    this.element.style.setProperty('--columns', widths.join(' '));
    this.element.style.setProperty('--width', `${sum}px`);
    this.element.style.setProperty('--fixed-left', this.onSelect ? '32px' : '0');
    this.element.addEventListener('scroll', () => {
      this.element.classList.toggle('aside', this.element.scrollLeft > 0);
      this.draw();
    }, { passive: true });
    this.element.addEventListener('keydown', (event) => this.onKey(event));
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  buildTitle(column) {
    const button = h('button', { type: 'button', onclick: () => this.sortBy(column.key) },
      column.title);
    const title = h('span', { role: 'columnheader', class: this.classOf(column) }, button);
    column.head = title;
    this.showSort(column);
    return title;
  }

  classOf(column, ...others) {
    return [column === this.columns[0] && 'fixed', column.end && 'end', ...others]
      .filter(Boolean).join(' ');
  }

  buildSelectAll() {
    this.everything = h('input', { type: 'checkbox', 'aria-label': 'Select all that are listed',
      onclick: () => this.selectAll(this.everything.checked) });
    return h('span', { role: 'columnheader', class: 'fixed check' }, this.everything);
  }

  showSort(column) {
    const direction = this.sort.down ? 'descending' : 'ascending';
    column.head.setAttribute('aria-sort', column.key === this.sort.key ? direction : 'none');
  }

  sortBy(key) {
    this.sort = { key, down: this.sort.key === key && !this.sort.down };
    this.columns.forEach((column) => this.showSort(column));
    this.arrange();
    this.element.scrollTop = 0;
    this.draw();
  }

  setFilter(filter) {
    this.filter = filter;
    this.arrange();
    this.element.scrollTop = 0;
    this.draw();
  }

  // Takes the rows as they are now. The first row in sight remains where it is.
  setRows(rows) {
    const top = this.element.scrollTop;
    const first = this.shown[Math.floor(top / ROW)];
    this.all = rows;
    this.arrange();
    if (top > 0 && first) {
      const index = this.shown.findIndex((row) => this.keyOf(row) === this.keyOf(first));
      if (index >= 0) this.element.scrollTop = index * ROW + top % ROW;
    }
    this.draw();
  }

  arrange() {
    const column = this.columns.find((one) => one.key === this.sort.key);
    const valueOf = column.sort ?? column.value;
    const direction = this.sort.down ? -1 : 1;
    const wanted = this.filter ? this.all.filter(this.filter) : this.all;
    const keyed = wanted.map((row) => [valueOf(row) ?? '', this.keyOf(row), row]);
    keyed.sort((one, other) => direction * compare(one[0], other[0]) || compare(one[1], other[1]));
    this.shown = keyed.map((entry) => entry[2]);
    this.space.style.height = `${this.shown.length * ROW}px`;
    setAttribute(this.element, 'aria-rowcount', this.shown.length + 1);
    this.dropSelection();
    this.showNone();
  }

  dropSelection() {
    if (!this.selection.size) return;
    const present = new Set(this.all.map(this.keyOf));
    const before = this.selection.size;
    for (const key of this.selection) if (!present.has(key)) this.selection.delete(key);
    if (this.selection.size !== before) this.onSelect?.(this.selection);
  }

  showNone() {
    const isEmpty = this.shown.length === 0;
    if (isEmpty) this.none.replaceChildren(this.emptyView(this.all.length > 0));
    if (this.none.hidden === isEmpty) this.none.hidden = !isEmpty;
  }

  draw() {
    const height = this.element.clientHeight;
    const start = Math.max(0, Math.floor(this.element.scrollTop / ROW) - MARGIN);
    const end = Math.min(this.shown.length, start + Math.ceil(height / ROW) + 2 * MARGIN);
    const visible = new Set();
    if (!this.shown.some((row) => this.keyOf(row) === this.active)) {
      this.active = this.shown.length ? this.keyOf(this.shown[0]) : null;
    }
    for (let index = start; index < end; index += 1) {
      visible.add(this.drawRow(this.shown[index], index));
    }
    this.drawActive(visible);
    this.drawSelectAll();
    for (const [key, entry] of this.nodes) {
      if (!visible.has(key)) {
        entry.node.remove();
        this.nodes.delete(key);
      }
    }
  }

  drawSelectAll() {
    if (!this.everything) return;
    const { size } = this.selection;
    this.everything.checked = size > 0 && size >= this.shown.length;
    this.everything.indeterminate = size > 0 && size < this.shown.length;
  }

  // The row that has the focus is drawn also where it is out of sight.
  drawActive(visible) {
    if (this.active === null || visible.has(this.active)) return;
    if (!this.nodes.get(this.active)?.node.contains(document.activeElement)) return;
    const index = this.indexOf(this.active);
    if (index >= 0) visible.add(this.drawRow(this.shown[index], index));
  }

  drawRow(row, index) {
    const key = this.keyOf(row);
    let entry = this.nodes.get(key);
    if (!entry) {
      entry = this.makeRow(key);
      this.nodes.set(key, entry);
      this.space.append(entry.node);
    }
    if (entry.row !== row) this.fillRow(entry, row);
    if (entry.index !== index) {
      entry.index = index;
      entry.node.style.transform = `translateY(${index * ROW}px)`;
      entry.node.setAttribute('aria-rowindex', index + 2);
    }
    setAttribute(entry.node, 'tabindex', key === this.active ? 0 : -1);
    if (this.onSelect) {
      const isChosen = this.selection.has(key);
      setAttribute(entry.node, 'aria-selected', isChosen);
      if (entry.check.checked !== isChosen) entry.check.checked = isChosen;
    }
    return key;
  }

  makeRow(key) {
    const node = h('div', { class: 'cells', role: 'row' });
    const entry = { node, cells: [], texts: [] };
    if (this.onSelect) {
      entry.check = h('input', { type: 'checkbox', tabindex: '-1', 'aria-label': `Select ${key}` });
      node.append(h('span', { role: 'gridcell', class: 'fixed check' }, entry.check));
    }
    for (const column of this.columns) {
      const cell = h('span', { role: 'gridcell', class: this.classOf(column, column.style) });
      entry.cells.push(cell);
      node.append(cell);
    }
    node.addEventListener('click', (event) => this.onClick(event, key));
    node.addEventListener('focus', () => { this.active = key; });
    return entry;
  }

  fillRow(entry, row) {
    entry.row = row;
    this.columns.forEach((column, index) => {
      const text = String(column.value(row) ?? '');
      if (entry.texts[index] === text) return;
      entry.texts[index] = text;
      const cell = entry.cells[index];
      if (column.cell) cell.replaceChildren(column.cell(row));
      else setText(cell, text);
      setAttribute(cell, 'title', text.length > 24 ? text : null);
    });
  }

  refresh() {
    for (const entry of this.nodes.values()) if (entry.row) this.fillRow(entry, entry.row);
  }

  indexOf(key) {
    return this.shown.findIndex((row) => this.keyOf(row) === key);
  }

  onClick(event, key) {
    const { type, checked } = event.target;
    this.activate(key);
    if (type === 'checkbox') this.select(key, checked, event.shiftKey);
    else if (this.onOpen) this.onOpen(this.shown[this.indexOf(key)]);
  }

  select(key, isChosen, asRange) {
    const keys = [key];
    if (asRange && this.lastChosen) {
      const ends = [this.indexOf(this.lastChosen), this.indexOf(key)].sort((a, b) => a - b);
      keys.push(...this.shown.slice(ends[0], ends[1] + 1).map(this.keyOf));
    }
    for (const one of keys) this.selection[isChosen ? 'add' : 'delete'](one);
    this.lastChosen = key;
    this.onSelect?.(this.selection);
    this.draw();
  }

  selectAll(isChosen) {
    if (!isChosen) this.selection.clear();
    else for (const row of this.shown) this.selection.add(this.keyOf(row));
    this.onSelect?.(this.selection);
    this.draw();
  }

  activate(key, withFocus = false) {
    this.active = key;
    if (withFocus) this.scrollTo(this.indexOf(key));
    this.draw();
    if (withFocus) this.nodes.get(key)?.node.focus({ preventScroll: true });
  }

  scrollTo(index) {
    const { scrollTop, clientHeight } = this.element;
    const top = index * ROW;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + 2 * ROW > scrollTop + clientHeight) {
      this.element.scrollTop = top + 2 * ROW - clientHeight;
    }
  }

  onKey(event) {
    const row = event.target.closest('.space > [role=row]');
    if (!row || !this.shown.length) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 2);
    const last = this.shown.length - 1;
    const at = this.indexOf(this.active);
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page,
      Home: 0, End: last };
    if (event.key in moves) {
      this.activate(this.keyOf(this.shown[Math.min(last, Math.max(0, moves[event.key]))]), true);
    } else if (event.key === 'Enter' && this.onOpen) this.onOpen(this.shown[at]);
    else if (event.key === ' ' && this.onSelect && event.target === row) {
      this.select(this.active, !this.selection.has(this.active), event.shiftKey);
    } else if (event.key === 'a' && (event.ctrlKey || event.metaKey) && this.onSelect) {
      this.selectAll(true);
    } else return;
    event.preventDefault();
  }
}
