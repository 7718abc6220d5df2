// What of the incidents is shown, and in which order. A filter is words, all of which must be found; `key:word`
// looks in one place, and key:"word" wants that and nothing more.

const PLACES = {
  id: (row) => [row.id],
  process: (row) => [row.comm, String(row.pid)],
  pid: (row) => [String(row.pid)],
  peer: (row) => [row.peerComm, peerGroup(row), row.remote],
  host: (row) => [row.host, row.peerHost],
  cause: (row) => [row.cause],
  confidence: (row) => [row.confidence],
  severity: (row) => [row.severity],
  errno: (row) => row.errors.map((error) => error.errno),
  sigpipe: (row) => [row.sigpipe],
  kind: (row) => [row.kind],
  role: (row) => [row.role],
  container: (row) => [row.container],
  burst: (row) => [row.burst],
  port: (row) => [row.local, row.remote].map((end) => /:(\d+)$/.exec(end || '')?.[1]),
};
const TERM = /(?:([a-z]+):)?(?:"((?:\\.|[^"\\])*)"|(\S+))/g;

const SORTS = {
  time: (a, b) => compareText(a.time, b.time), // microseconds, which a chain's order needs
  severity: (a, b) => GRAVITY[a.severity] - GRAVITY[b.severity],
  process: (a, b) => compareText(processText(a), processText(b)),
  told: (a, b) => compareText(toldText(a), toldText(b)),
  cause: (a, b) => compareText(a.cause, b.cause),
  peer: (a, b) => compareText(peerText(a), peerText(b)),
};

function compareText(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

function haystack(row) {
  row.words ??= [row.time, row.host, processText(row), row.container, row.kind, row.local, row.remote,
    toldText(row), peerText(row), row.cause, causeText(row.cause), row.severity, row.confidence, row.summary,
    row.id].filter(Boolean).join('\n').toLowerCase();
  return row.words;
}

function termOf([whole, key, quoted, bare]) {
  const word = (quoted === undefined ? bare : quoted.replace(/\\(.)/g, '$1')).toLowerCase();
  const exact = quoted !== undefined;
  if (!key) return (row) => haystack(row).includes(word);
  if (!Object.hasOwn(PLACES, key)) return (row) => haystack(row).includes(whole.toLowerCase());
  return (row) => PLACES[key](row).some((held) => {
    if (held === null || held === undefined) return false;
    return exact || key === 'port' ? held.toLowerCase() === word : held.toLowerCase().includes(word);
  });
}

// `key:"word"`, to be put into the filter.
function exactTerm(key, word) {
  return `${key}:"${word.replace(/["\\]/g, '\\$&')}"`;
}

function filtered(rows, query, severities) {
  const terms = [...query.matchAll(TERM)].map(termOf);
  return rows.filter((row) => severities.has(row.severity) && terms.every((term) => term(row)));
}

// Equal ones stand in the order of time.
function sorted(rows, { column, descending }) {
  const compare = SORTS[column];
  const sign = descending ? -1 : 1;
  return rows.sort((a, b) => sign * compare(a, b) || sign * compareText(a.time, b.time) || compareText(a.id, b.id));
}
