// Capacity over time: steps, axes, and a scale that shows a change of 20 in 1,000.
import { h, pressable, setText, svg } from './dom.js';
import { now } from './data.js';
import { count } from './format.js';

const LINES = { total: 'TotalCapacity', stable: 'Stable', desired: 'Desired capacity',
  min: 'MinSize', max: 'MaxSize' };
const SPANS = [[600, '10 min'], [3_600, '1 h'], [86_400, '24 h'], [0, 'All']];
const PAD = { left: 46, right: 12, top: 10, bottom: 24 };
const HEIGHT = 220;
const LEAST_SPAN = 20;
const STEPS = [1, 2, 5];
const TIME_STEPS = [10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400];

function niceStep(range, parts, least = 1) {
  let step = least;
  for (let power = least; ; power *= 10) {
    for (const factor of STEPS) {
      step = power * factor;
      if (range / step <= parts) return step;
    }
  }
}

// Returns the bounds of the scale. Fitted, sizes far from the capacity are not drawn to scale.
export function scaleOf(points, isFitted) {
  const values = points.flatMap((point) => [point.total, point.stable, point.desired])
    .filter((value) => value !== null);
  let low = Math.min(...values);
  let high = Math.max(...values);
  const sizes = points.flatMap((point) => [point.min, point.max]);
  if (!isFitted) {
    low = 0;
    high = Math.max(high, ...sizes.filter((size) => size <= 4 * Math.max(1, high)));
  } else {
    const reach = Math.max(2, (high - low) * 1.5, high * 0.01);
    for (const size of sizes) {
      if (size >= low - reach && size <= high + reach) {
        low = Math.min(low, size);
        high = Math.max(high, size);
      }
    }
  }
  const step = niceStep(Math.max(1, high - low), 5);
  const bottom = Math.max(0, Math.floor((low - step * 0.2) / step) * step);
  return { low: bottom, high: Math.max(bottom + step, Math.ceil((high + step * 0.2) / step) * step),
    step };
}

// Returns the points from `start` on; the last one before it stands at `start`.
function pointsSince(points, start) {
  const first = points.findLastIndex((point) => point.at <= start);
  if (first < 0) return points;
  return [{ ...points[first], at: start }, ...points.slice(first + 1)];
}

function stepPath(points, name, x, y, end) {
  let path = '';
  let before = null;
  for (const point of points) {
    const value = point[name];
    if (value === null || value === undefined) {
      if (before !== null) path += `H${x(point.at)}`;
      before = null;
      continue;
    }
    path += before === null ? `M${x(point.at)} ${y(value)}` : `H${x(point.at)}V${y(value)}`;
    before = value;
  }
  return before === null ? path : `${path}H${x(end)}`;
}

export class CapacityChart {
  constructor() {
    this.span = 600;
    this.isFitted = true;
    this.points = [];
    this.svg = svg('svg', { class: 'chart', role: 'img' });
    this.values = {};
    const legend = h('ul', { class: 'legend' }, Object.entries(LINES).map(([name, title]) => {
      this.values[name] = h('b', {});
      const note = name === 'stable' ? 'In service, protected or standby' : null;
      return h('li', { title: note }, h('i', { class: `c-${name}` }), title, this.values[name]);
    }));
    this.moment = h('small', { class: 'number push' });
    const spans = pressable(SPANS, 600, (value) => this.set('span', value), 'Time span');
    const scales = pressable([[true, 'Fit'], [false, 'From 0']], true,
      (value) => this.set('isFitted', value), 'Scale');
    this.element = h('section', { class: 'card figure', 'aria-label': 'Capacity over time' },
      h('header', {}, h('h3', {}, 'Capacity'), this.moment, spans, scales), legend, this.svg);
    this.svg.addEventListener('pointermove', (event) => this.showAt(event));
    this.svg.addEventListener('pointerleave', () => this.showAt(null));
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  set(name, value) {
    this[name] = value;
    this.draw();
  }

  setPoints(points) {
    this.points = points;
    this.draw();
  }

  draw() {
    const width = this.svg.clientWidth;
    if (!width || !this.points.length) return;
    const end = now().getTime() / 1000;
    const first = Math.min(this.points[0].at, end - LEAST_SPAN);
    const start = this.span ? Math.max(end - this.span, first) : first;
    const points = pointsSince(this.points, start);
    const scale = scaleOf(points, this.isFitted);
    const span = Math.max(10, end - start);
    const inner = width - PAD.left - PAD.right;
    const tall = HEIGHT - PAD.top - PAD.bottom;
    this.x = (at) => Math.round((PAD.left + (at - start) / span * inner) * 2) / 2;
    this.y = (value) => Math.round((PAD.top + (scale.high - value) / (scale.high - scale.low)
      * tall) * 10) / 10;
    this.frame = { start, span, inner, points };
    this.render(points, scale, start, end, width);
    if (!this.isPointed) this.showValues(points.at(-1), '');
  }

  render(points, scale, start, end, width) {
    const content = [...this.valueAxis(scale, width), ...this.timeAxis(start, end, width)];
    const stable = stepPath(points, 'stable', this.x, this.y, end);
    const floor = this.y(scale.low);
    content.push(svg('path', { class: 'area',
      d: `${stable}V${floor}H${this.x(points[0].at)}Z` }));
    for (const name of ['max', 'min', 'desired', 'stable', 'total']) {
      content.push(...this.line(name, points, scale, end));
    }
    this.cursor = svg('line', { class: 'cursor', y1: PAD.top, y2: floor, visibility: 'hidden' });
    const last = points.at(-1);
    const desired = last.desired === null ? '' : `, desired capacity ${last.desired}`;
    const text = `Capacity over time: now ${last.total}, of which ${last.stable} stable; `
      + `MinSize ${last.min}, MaxSize ${last.max}${desired}`;
    const drawn = content.map((node) => node.outerHTML).join('');
    if (this.drawn === drawn) return;
    this.drawn = drawn;
    this.svg.setAttribute('aria-label', text);
    this.svg.replaceChildren(...content, this.cursor);
  }

  // A size outside the scale is named at the edge, with an arrow.
  line(name, points, scale, end) {
    const last = points.at(-1)[name];
    const isSize = name === 'min' || name === 'max';
    if (isSize && (last > scale.high || last < scale.low)) {
      const isAbove = last > scale.high;
      return [svg('text', { x: this.x(end), y: isAbove ? PAD.top + 9 : this.y(scale.low) - 6,
        'text-anchor': 'end' }, `${LINES[name]} ${count(last)} ${isAbove ? '↑' : '↓'}`)];
    }
    const inside = isSize
      ? points.map((point) => ({ ...point, [name]: point[name] > scale.high
        || point[name] < scale.low ? null : point[name] })) : points;
    const path = stepPath(inside, name, this.x, this.y, end);
    return path ? [svg('path', { class: `c-${name}`, d: path })] : [];
  }

  valueAxis(scale, width) {
    const parts = [];
    for (let value = scale.low; value <= scale.high; value += scale.step) {
      const y = this.y(value);
      parts.push(svg('line', { class: value === scale.low ? 'axis' : 'rule', x1: PAD.left,
        x2: width - PAD.right, y1: y, y2: y }),
      svg('text', { x: PAD.left - 8, y: y + 4, 'text-anchor': 'end' }, count(value)));
    }
    return parts;
  }

  timeAxis(start, end, width) {
    const limit = Math.max(2, Math.floor(width / 110));
    const step = TIME_STEPS.find((one) => (end - start) / one <= limit)
      ?? Math.ceil((end - start) / limit / 86_400) * 86_400;
    const parts = [];
    for (let at = Math.ceil(start / step) * step; at < end; at += step) {
      const text = new Date(at * 1000).toISOString();
      let label = text.slice(11, 16);
      if (step >= 86_400) label = text.slice(5, 10);
      else if (step < 60) label = text.slice(11, 19);
      const x = this.x(at);
      const isNearEdge = x > width - PAD.right - 20;
      parts.push(svg('text', { x, y: HEIGHT - 6, 'text-anchor': isNearEdge ? 'end' : 'middle' },
        label));
    }
    return parts;
  }

  showAt(event) {
    this.isPointed = Boolean(event);
    if (!this.frame) return;
    const { start, span, inner, points } = this.frame;
    if (!event) {
      this.cursor.setAttribute('visibility', 'hidden');
      this.showValues(points.at(-1), '');
      return;
    }
    const left = this.svg.getBoundingClientRect().left;
    const at = start + (event.clientX - left - PAD.left) / inner * span;
    const point = points.findLast((one) => one.at <= at) ?? points[0];
    const x = this.x(Math.min(start + span, Math.max(start, at)));
    this.cursor.setAttribute('x1', x);
    this.cursor.setAttribute('x2', x);
    this.cursor.setAttribute('visibility', 'visible');
    this.showValues(point, new Date(at * 1000).toISOString().slice(11, 19));
  }

  showValues(point, moment) {
    for (const name of Object.keys(LINES)) {
      setText(this.values[name], point[name] === null ? 'none' : count(point[name]));
    }
    setText(this.moment, moment);
  }
}

export function sparkline(points, end) {
  const width = 120;
  const height = 30;
  if (!points.length) return svg('svg', { class: 'spark', 'aria-hidden': 'true' });
  const shown = pointsSince(points, end - 900);
  const start = shown[0].at;
  const values = shown.map((point) => point.total);
  const low = Math.min(...values);
  const high = Math.max(...values, low + 2);
  const x = (at) => Math.round((at - start) / Math.max(1, end - start) * (width - 2) * 10) / 10 + 1;
  const y = (value) => Math.round((3 + (high - value) / (high - low) * (height - 6)) * 10) / 10;
  return svg('svg', { class: 'spark', viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' },
    svg('path', { d: stepPath(shown, 'total', x, y, end) }));
}
