// The incidents that this page carries: a row of each for the list, read at once; each whole one, read when it
// is opened.

// In the order that HtmlReport writes them; then the errors' names and counts.
const COLUMNS = ['id', 'revision', 'time', 'role', 'host', 'comm', 'pid', 'container', 'kind', 'local', 'remote',
  'sigpipe', 'rstDirection', 'rstState', 'peerComm', 'peerPid', 'peerHost', 'cause', 'confidence', 'severity',
  'summary', 'causedBy', 'burst'];
const GRAVITY = { fault: 0, warning: 1, benign: 2 };
const MARKS = { fault: '▲', warning: '◆', benign: '○' };

const store = { rows: [], byId: new Map(), effects: new Map(), bursts: new Map(), context: {}, unreadable: 0 };

function parsed(text, otherwise) {
  try {
    return JSON.parse(text);
  } catch {
    store.unreadable++;
    return otherwise;
  }
}

function rowOf(values, chunk, line) {
  const row = { chunk, line, errors: [] };
  COLUMNS.forEach((name, i) => { row[name] = values[i]; });
  const errors = values[COLUMNS.length];
  for (let i = 0; i + 1 < errors.length; i += 2) row.errors.push({ errno: errors[i], count: errors[i + 1] });
  row.ms = instantOf(row.time);
  return row;
}

function addToList(map, key, row) {
  if (key === null) return;
  if (!map.has(key)) map.set(key, []);
  map.get(key).push(row);
}

// The index may be dropped once it is read; the chunk of details beside it stays in the document.
function readIncidents() {
  const chunks = document.querySelectorAll('script.details');
  document.querySelectorAll('script.index').forEach((script, i) => {
    parsed(script.textContent, []).forEach((values, line) => {
      const row = rowOf(values, chunks[i], line);
      const older = store.byId.get(row.id);
      if (!older || older.revision <= row.revision) store.byId.set(row.id, row);
    });
    script.remove();
  });
  store.rows = [...store.byId.values()];
  for (const row of store.rows) {
    addToList(store.effects, row.causedBy, row);
    addToList(store.bursts, row.burst, row);
  }
  store.context = parsed(document.querySelector('script.context').textContent, {});
}

// The whole incident, as `pipetrace --json` prints it; null where it cannot be read.
function wholeIncident(row) {
  const lines = row.chunk.textContent.split('\n');
  return parsed(lines[row.line + 1], null);
}

function nameAndPid(comm, pid) {
  if (!comm) return pid === null ? '' : `pid ${pid}`;
  return pid === null ? comm : `${comm}[${pid}]`;
}

function processText(row) {
  if (row.role === 'origin' && row.pid === null) return 'the kernel';
  return nameAndPid(row.comm, row.pid) || 'not known';
}

// The other end: its process where one is known, else where it is.
function peerText(row) {
  const named = nameAndPid(row.peerComm, row.peerPid);
  if (named) return row.peerHost && row.peerHost !== row.host ? `${named} on ${row.peerHost}` : named;
  return row.remote || '';
}

// The same for one process whatever its number, for one host whatever the port.
function peerGroup(row) {
  if (row.peerComm) return row.peerComm;
  return row.remote ? row.remote.replace(/:\d+$/, '') : '';
}

function fateText(sigpipe) {
  if (!sigpipe || sigpipe === 'none') return '';
  return sigpipe === 'killed' ? 'killed by SIGPIPE' : `SIGPIPE ${sigpipe}`;
}

// What the program was told.
function toldText(row) {
  const errors = row.errors.slice(0, 3).map(({ errno, count }) => errno + (count > 1 ? ` ×${countText(count)}` : ''));
  if (row.errors.length > 3) errors.push(`${row.errors.length - 3} more`);
  const told = [...errors, fateText(row.sigpipe)].filter(Boolean).join(', ');
  if (told) return told;
  const reset = row.rstDirection ? `RST ${row.rstDirection}` + (row.rstState ? ` in ${row.rstState}` : '') : '';
  if (row.role === 'origin' && reset) return reset;
  return [reset, 'no program was told'].filter(Boolean).join(', ');
}

// "Write after peer close"; the code itself stands where an incident is told in full.
function causeText(cause) {
  const words = String(cause).replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
