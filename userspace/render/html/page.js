// Starts the page: reads the incidents, says what they are and what is missing, and wires the controls.

function rangeText(rows) {
  const { first, last } = timeRange(rows);
  const day = (ms) => `${dateText(ms)} ${secondText(ms)}`;
  if (day(first) === day(last)) return `${day(first)} ${zoneText(last)}`;
  return dateText(first) === dateText(last) ? `${day(first)} to ${secondText(last)} ${zoneText(last)}`
    : `${day(first)} to ${day(last)} ${zoneText(last)}`;
}

function scopeText() {
  const hosts = [...new Set([...store.rows.map((row) => row.host),
    ...(store.context.recordings ?? []).map((recording) => recording.host)])].filter(Boolean);
  const parts = [hosts.length > 4 ? plural(hosts.length, 'host') : hosts.join(', ')];
  if (store.rows.length) parts.push(rangeText(store.rows));
  if (store.context.selection) parts.push(store.context.selection);
  return parts.filter(Boolean).join(' · ');
}

function lossNotice({ lost_by_kind: kinds = [], events }) {
  const lost = kinds.reduce((sum, { count }) => sum + count, 0);
  if (lost === 0) return null;
  const of = events === null || events === undefined ? '' : ` of ${countText(events + lost)}`;
  const each = kinds.filter(({ count }) => count > 0).map(({ kind, count }) => `${kind} ${countText(count)}`);
  return `${plural(lost, 'event')}${of} ${lost === 1 ? 'was' : 'were'} lost (${each.join(', ')}): ` +
    'incidents may be missing, and some verdicts are less certain for it.';
}

function notices() {
  const { context, rows } = store;
  const said = [];
  if (typeof context.incidents === 'number' && context.incidents > rows.length) {
    said.push(`This page holds ${countText(rows.length)} of ${plural(context.incidents, 'incident')}, the latest. ` +
      'All figures below are of these.');
  }
  said.push(lossNotice(context), ...(context.notes ?? []));
  if (store.unreadable) said.push('A part of this page is damaged and could not be read.');
  return said.filter(Boolean);
}

function showNotices() {
  const said = notices();
  byId('notices').hidden = said.length === 0;
  byId('notices').replaceChildren(...said.map((text) => element('li', {}, text)));
}

function recordingRow(recording) {
  const time = (at) => (at ? exactTimeText(at) : '');
  const ended = recording.ended ? time(recording.ended) : 'not ended';
  return element('tr', {}, element('td', {}, recording.file), element('td', {}, recording.host),
    element('td', {}, recording.kernel), element('td', {}, recording.version),
    element('td', {}, `${time(recording.started)} to ${ended}`));
}

function showFooter() {
  const { generated_by: by, generated_at: at, recordings = [] } = store.context;
  const heads = ['Recording', 'Host', 'Kernel', 'pipetrace', 'Time'];
  byId('footer').replaceChildren(
    recordings.length ? element('div', { class: 'recordings', tabindex: '0', role: 'region', 'aria-label': 'Recordings' },
      element('table', {}, element('caption', {}, 'Made from'),
        element('thead', {}, element('tr', {}, heads.map((head) => element('th', { scope: 'col' }, head)))),
        element('tbody', {}, recordings.map(recordingRow)))) : '',
    element('p', {}, [by, at && exactTimeText(at)].filter(Boolean).join(' · '),
      '. Times are as each host’s clock had them, shown in the zone chosen above. null in the JSON means: could not be known.'));
}

function showSummary() {
  const { rows } = store;
  byId('summary').hidden = rows.length === 0;
  if (rows.length === 0) return;
  byId('figures').replaceChildren(...figures(rows).filter(Boolean));
  byId('over-time').replaceChildren(...overTime(rows, filterBy).filter(Boolean));
  const fill = (id, parts) => byId(id).replaceChildren(...parts.filter(Boolean));
  fill('by-process', byName('By program', rows, (row) => row.comm, 'process', filterBy));
  fill('by-peer', byName('By peer', rows, peerGroup, 'peer', filterBy));
  fill('by-host', list.hasHosts ? byName('By host', rows, (row) => row.host, 'host', filterBy) : []);
  fill('by-burst', byBurst(filterBy));
}

function showSeverities() {
  for (const severity of Object.keys(GRAVITY)) {
    const box = element('input', { type: 'checkbox', name: 'severity', value: severity, checked: true });
    box.addEventListener('change', () => {
      if (box.checked) list.severities.add(severity);
      else list.severities.delete(severity);
      refresh();
    });
    byId('severities').append(element('label', {}, box,
      element('span', {}, element('span', { class: `glyph ${severity}`, 'aria-hidden': 'true' }, MARKS[severity]), ' ',
        severity)));
  }
}

// All that shows a time; opened incidents are made anew.
function showTimes() {
  byId('scope').textContent = visible(scopeText());
  showSummary();
  showFooter();
  const open = [...list.open.keys()];
  list.open.clear();
  const { first, last } = timeRange(store.rows);
  list.hasDays = store.rows.length > 0 && dateText(first) !== dateText(last);
  byId('list').classList.toggle('has-days', list.hasDays);
  refresh();
  open.forEach((id) => toggle(id));
}

function listenToTools() {
  byId('tools').addEventListener('submit', (event) => event.preventDefault());
  byId('filter').addEventListener('input', (event) => setQuery(event.target.value));
  byId('folding').hidden = ![...store.bursts.values()].some((rows) => rows.length > 1);
  byId('fold').addEventListener('change', (event) => {
    list.isFolding = event.target.checked;
    refresh();
  });
  byId('more').addEventListener('click', () => {
    const next = list.shown;
    appendRows(ROWS_MORE);
    const opener = openerOf(list.matching[next].id);
    setCurrent(opener);
    opener.focus();
  });
  document.querySelectorAll('input[name="zone"]').forEach((choice) => choice.addEventListener('change', () => {
    zone.utc = choice.value === 'utc' && choice.checked;
    showTimes();
  }));
}

function followLink() {
  let id = '';
  try {
    id = decodeURIComponent(location.hash.slice(1));
  } catch {
    return;
  }
  if (store.byId.has(id)) goTo(id);
}

function start() {
  readIncidents();
  byId('title').textContent = document.title;
  byId('zone-local').textContent = `Local time (${localZoneText(store.rows[0]?.ms ?? Date.now())})`;
  list.hasHosts = new Set(store.rows.map((row) => row.host)).size > 1;
  byId('incidents').hidden = false;
  showNotices();
  showSeverities();
  listenToTools();
  listenToKeys();
  showTimes();
  if (store.rows.length === 1) open(store.rows[0].id);
  window.addEventListener('hashchange', followLink);
  performance.mark('incidents-shown');
  followLink();
}

start();
