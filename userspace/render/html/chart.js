// The summary's charts: how many incidents when, a strip for each cause, and who met them. Each row is a button
// that filters the list; its number stands beside it, so that no colour and no length has to be read.

const BINS = 72;
const STRIP_HEIGHT = 26;
const CAUSES_MAX = 10;
const NAMES_MAX = 6;

// [[key, rows]], the largest first.
function groupsOf(rows, keyOf) {
  const groups = new Map();
  for (const row of rows) addToList(groups, keyOf(row) || null, row);
  return [...groups].sort((a, b) => b[1].length - a[1].length || compareText(a[0], b[0]));
}

function worst(rows) {
  return rows.reduce((found, row) => (GRAVITY[row.severity] < GRAVITY[found] ? row.severity : found), 'benign');
}

function timeRange(rows) {
  let [first, last] = [Infinity, -Infinity];
  for (const { ms } of rows) {
    if (ms < first) first = ms;
    if (ms > last) last = ms;
  }
  return { first, last, span: Math.max(last - first, 1) };
}

function binned(rows, range) {
  const bins = new Array(BINS).fill(0);
  for (const { ms } of rows) bins[Math.min(BINS - 1, Math.floor((ms - range.first) / range.span * BINS))]++;
  return bins;
}

// One path of bars; the least is still to be seen.
function strip(bins, most) {
  const step = 1000 / BINS;
  const bars = bins.map((count, i) => {
    if (count === 0) return '';
    const height = Math.max(2, count / most * STRIP_HEIGHT);
    return `M${(i * step).toFixed(1)} ${STRIP_HEIGHT}v-${height.toFixed(1)}h${(step - 2).toFixed(1)}v${height.toFixed(1)}z`;
  });
  return shape('svg', { class: 'strip', viewBox: `0 0 1000 ${STRIP_HEIGHT}`, preserveAspectRatio: 'none',
    'aria-hidden': 'true', focusable: 'false' }, shape('path', { d: bars.join('') }));
}

function severityMark(severity) {
  return element('span', { class: `severity ${severity}` }, element('span', { class: 'glyph', 'aria-hidden': 'true' },
    MARKS[severity]), unseen(severity));
}

function whenOften(rows, bins, range) {
  const peak = bins.indexOf(Math.max(...bins));
  const at = range.first + peak / BINS * range.span;
  return `${plural(rows.length, 'incident')}, most about ${secondText(at)}`;
}

function causeRow([cause, rows], range, most, onFilter) {
  const bins = binned(rows, range);
  return element('li', {}, button({ class: 'bar-row', title: whenOften(rows, bins, range) },
    () => onFilter(exactTerm('cause', cause)),
    severityMark(worst(rows)),
    element('span', { class: 'name' }, causeText(cause)),
    element('span', { class: 'number' }, countText(rows.length)),
    strip(bins, most)));
}

function axis(range) {
  const precision = [[36 * 3600, (ms) => `${dateText(ms).slice(5)} ${minuteText(ms)}`], [300, minuteText],
    [10, secondText], [0, clockText]];
  const [, text] = precision.find(([seconds]) => range.span >= seconds * 1000);
  const labels = [range.first, range.first + range.span / 2, range.last].map(text);
  return element('p', { class: 'axis', 'aria-hidden': 'true' },
    [...new Set(labels)].map((label) => element('span', {}, label)));
}

function showAll(list, hidden, what) {
  if (hidden.length === 0) return null;
  const more = button({ class: 'plain' }, () => {
    list.append(...hidden);
    more.remove();
    hidden[0].querySelector('button').focus();
  }, `${hidden.length} more ${what}`);
  return more;
}

function overTime(rows, onFilter) {
  const range = timeRange(rows);
  const groups = groupsOf(rows, (row) => row.cause).sort((a, b) => b[1].length - a[1].length ||
    GRAVITY[worst(a[1])] - GRAVITY[worst(b[1])]);
  const most = Math.max(1, ...groups.flatMap(([, alike]) => binned(alike, range)));
  const items = groups.map((group) => causeRow(group, range, most, onFilter));
  const list = element('ul', { class: 'bars timed' }, items.slice(0, CAUSES_MAX));
  return [element('h3', {}, 'Over time, by cause'), list, axis(range),
    showAll(list, items.slice(CAUSES_MAX), 'causes')];
}

function nameRow([name, rows], most, term, onFilter) {
  const bar = element('span', { class: 'length', 'aria-hidden': 'true' }, element('span', { class: 'filled' }));
  bar.firstChild.style.width = `${(rows.length / most * 100).toFixed(1)}%`;
  return element('li', {}, button({ class: 'bar-row', title: `Show those of ${visible(name, 80)}` },
    () => onFilter(term),
    element('span', { class: 'name' }, visible(name, 80)),
    element('span', { class: 'number' }, countText(rows.length)), bar));
}

function byName(title, rows, keyOf, key, onFilter) {
  const groups = groupsOf(rows, keyOf);
  if (groups.length === 0) return [];
  const rest = groups.length - NAMES_MAX;
  return [element('h3', {}, title),
    element('ul', { class: 'bars' },
      groups.slice(0, NAMES_MAX).map((group) => nameRow(group, groups[0][1].length, exactTerm(key, group[0]),
        onFilter))),
    rest > 0 ? element('p', { class: 'hint' }, `and ${countText(rest)} more`) : null];
}

function burstTitle(rows) {
  const [first] = sorted([...rows], { column: 'time', descending: false });
  return `${causeText(first.cause)}, ${first.comm ?? 'the kernel'}, ${secondText(first.ms)}`;
}

function byBurst(onFilter) {
  const groups = [...store.bursts].sort((a, b) => b[1].length - a[1].length || compareText(a[0], b[0]));
  if (groups.length === 0) return [];
  const most = groups[0][1].length;
  const rest = groups.length - NAMES_MAX;
  return [element('h3', {}, 'Bursts'), element('ul', { class: 'bars' }, groups.slice(0, NAMES_MAX).map(
    ([id, rows]) => nameRow([burstTitle(rows), rows], most, exactTerm('burst', id), onFilter))),
    rest > 0 ? element('p', { class: 'hint' }, `and ${countText(rest)} more`) : null];
}

function figure(number, label, severity = null) {
  return element('div', { class: 'figure' }, element('dt', {}, severity ? severityMark(severity) : null, label),
    element('dd', {}, countText(number)));
}

function figures(rows) {
  const of = (severity) => rows.filter((row) => row.severity === severity).length;
  const distinct = (keyOf) => new Set(rows.map(keyOf).filter(Boolean)).size;
  const bursts = distinct((row) => row.burst);
  const named = (number, one) => figure(number, number === 1 ? one : `${one}s`,
    Object.hasOwn(GRAVITY, one) ? one : null);
  return [named(rows.length, 'incident'), named(of('fault'), 'fault'), named(of('warning'), 'warning'),
    figure(of('benign'), 'benign', 'benign'), named(distinct((row) => row.comm), 'program'),
    bursts ? named(bursts, 'burst') : null];
}
