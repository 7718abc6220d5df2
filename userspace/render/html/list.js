// The list: one table, some rows at a time; a row opens into the whole incident beneath it. What is open stays
// open while the list is filtered and sorted.

const ROWS_FIRST = 100;
const ROWS_MORE = 200;
const HEADS = [['time', 'Time'], ['severity', 'Severity'], ['process', 'Process'], ['told', 'Was told'],
  ['cause', 'Cause'], ['peer', 'Peer']];

const list = {
  query: '',
  severities: new Set(Object.keys(GRAVITY)),
  order: { column: 'time', descending: true },
  matching: [], // incidents that the filter lets through, or of a folded burst the first of these
  matchCount: 0,
  isFolding: true,
  alike: new Map(), // id -> how many more of its burst stand behind it
  shown: 0,
  open: new Map(), // id -> the row beneath
  hasDays: false,
  hasHosts: false,
};

function isDescendingFirst(column) {
  return column === 'time';
}

function headCells() {
  return HEADS.map(([column, title]) => {
    const isOrder = list.order.column === column;
    const direction = list.order.descending ? 'descending' : 'ascending';
    return element('th', { scope: 'col', role: 'columnheader', class: `c-${column}`,
      'aria-sort': isOrder ? direction : null },
    button({ class: 'sort', 'data-column': column }, () => sortBy(column), title,
      element('span', { class: 'direction', 'aria-hidden': 'true' }, isOrder ? (list.order.descending ? '↓' : '↑') : '')));
  });
}

function timeCell(row) {
  const day = list.hasDays ? element('span', { class: 'day' }, dateText(row.ms).slice(5), ' ') : null;
  const opener = button({ class: 'opener', id: null, tabindex: '-1', 'aria-expanded': 'false' },
    () => toggle(row.id), element('span', { class: 'arrow', 'aria-hidden': 'true' }, '▸'), day, clockText(row.ms));
  return element('td', { class: 'c-time', role: 'cell' }, opener);
}

function foldedNote(row) {
  const count = list.alike.get(row.id);
  if (!count) return null;
  return button({ class: 'plain alike' }, () => filterBy(exactTerm('burst', row.burst)),
    `and ${countText(count)} alike`);
}

function incidentRow(row) {
  const host = list.hasHosts ? element('span', { class: 'host' }, row.host, ' ') : null;
  const cell = (column, ...content) => element('td', { class: `c-${column}`, role: 'cell' }, ...content);
  const shown = element('tr', { class: `incident-row ${row.severity}`, role: 'row', 'data-id': row.id },
    timeCell(row),
    cell('severity', severityMark(row.severity), element('span', { 'aria-hidden': 'true' }, row.severity)),
    cell('process', host, visible(processText(row), 120)),
    cell('told', toldText(row)),
    cell('cause', causeText(row.cause), row.confidence === 'certain' ? null
      : element('span', { class: 'note' }, ` ${row.confidence === 'unknown' ? '' : row.confidence}`),
    ' ', foldedNote(row)),
    cell('peer', visible(peerText(row), 120)));
  shown.dataset.id = row.id;
  shown.addEventListener('click', (event) => {
    if (!event.target.closest('button, a') && String(getSelection()) === '') toggle(row.id);
  });
  return shown;
}

function openerOf(id) {
  return rowElement(id)?.querySelector('.opener') ?? null;
}

function rowElement(id) {
  return [...byId('list-rows').children].find((child) => child.dataset.id === id) ?? null;
}

function markOpen(shown, isOpen) {
  shown.classList.toggle('open', isOpen);
  shown.querySelector('.opener').setAttribute('aria-expanded', String(isOpen));
}

function open(id) {
  const row = store.byId.get(id);
  if (!row || list.open.has(id)) return;
  const beneath = element('tr', { class: 'beneath', role: 'row' },
    element('td', { colspan: HEADS.length, role: 'cell' }, openedIncident(row, filterBy)));
  list.open.set(id, beneath);
  const shown = rowElement(id);
  if (shown) {
    shown.after(beneath);
    markOpen(shown, true);
  }
}

function close(id) {
  list.open.get(id)?.remove();
  list.open.delete(id);
  const shown = rowElement(id);
  if (shown) markOpen(shown, false);
}

function toggle(id) {
  if (list.open.has(id)) close(id);
  else open(id);
  setCurrent(openerOf(id));
}

// Of the openers one is reached by Tab; the arrow keys move among them.
function setCurrent(opener) {
  if (!opener) return;
  byId('list-rows').querySelectorAll('.opener[tabindex="0"]').forEach((other) => { other.tabIndex = -1; });
  opener.tabIndex = 0;
}

function appendRows(count) {
  const added = document.createDocumentFragment();
  for (const row of list.matching.slice(list.shown, list.shown + count)) {
    const shown = incidentRow(row);
    added.append(shown);
    if (list.open.has(row.id)) {
      markOpen(shown, true);
      added.append(list.open.get(row.id));
    }
  }
  list.shown = Math.min(list.shown + count, list.matching.length);
  byId('list-rows').append(added);
  const rest = list.matching.length - list.shown;
  byId('more').hidden = rest === 0;
  byId('more').textContent = `Show ${countText(Math.min(rest, ROWS_MORE))} more of ${countText(rest)}`;
}

function sayCount() {
  const all = store.rows.length;
  const found = list.matchCount;
  byId('count').textContent = found === all ? plural(all, 'incident') : `${countText(found)} of ${plural(all, 'incident')}`;
  byId('empty').hidden = found > 0;
  byId('empty').textContent = all === 0 ? 'No incident was recorded.'
    : 'No incident matches. Clear the filter to see all of them.';
  byId('list').hidden = found === 0;
}

// Of each burst the first row, which stands for the others.
function folded(rows) {
  const firsts = new Map();
  return rows.filter((row) => {
    const first = row.burst === null ? row : firsts.get(row.burst) ?? row;
    if (first === row) {
      firsts.set(row.burst, row);
      return true;
    }
    list.alike.set(first.id, (list.alike.get(first.id) ?? 0) + 1);
    return false;
  });
}

// Filter, sort and show anew from the top.
function refresh() {
  const rows = sorted(filtered(store.rows, list.query, list.severities), list.order);
  list.matchCount = rows.length;
  list.alike.clear();
  // Whoever asks for a burst wants to see it.
  list.matching = list.isFolding && !list.query.includes('burst:') ? folded(rows) : rows;
  list.shown = 0;
  byId('list-rows').replaceChildren();
  byId('list-head').replaceChildren(...headCells());
  appendRows(ROWS_FIRST);
  sayCount();
  setCurrent(byId('list-rows').querySelector('.opener'));
}

function sortBy(column) {
  const isAgain = list.order.column === column;
  list.order = { column, descending: isAgain ? !list.order.descending : isDescendingFirst(column) };
  refresh();
  byId('list-head').querySelector(`[data-column="${column}"]`).focus();
}

// Adds a term to the filter and goes to the list.
function filterBy(term) {
  list.query = list.query.includes(term) ? list.query : [list.query.trim(), term].filter(Boolean).join(' ');
  byId('filter').value = list.query;
  refresh();
  byId('incidents').scrollIntoView({ block: 'start' });
  // On a touch screen that would call the keyboard up.
  if (!matchMedia('(pointer: coarse)').matches) byId('filter').focus({ preventScroll: true });
}

function showEverything() {
  list.query = byId('filter').value = '';
  list.severities = new Set(Object.keys(GRAVITY));
  byId('severities').querySelectorAll('input').forEach((box) => { box.checked = true; });
  list.isFolding = byId('fold').checked = false;
  refresh();
}

// To an incident wherever it is: a filter that hides it is cleared, rows are added until it is there.
function goTo(id) {
  const row = store.byId.get(id);
  if (!row) return;
  if (!list.matching.includes(row)) showEverything();
  const at = list.matching.indexOf(row);
  if (at >= list.shown) appendRows(at - list.shown + ROWS_MORE);
  open(id);
  const opener = openerOf(id);
  setCurrent(opener);
  opener.focus({ preventScroll: true });
  rowElement(id).scrollIntoView({ block: 'start' });
}
