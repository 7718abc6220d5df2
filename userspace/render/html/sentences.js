// One step of a story in words: the sentences of pipetrace's text output. Each is [sentence, note].

const SIGNALS = ['HUP', 'INT', 'QUIT', 'ILL', 'TRAP', 'ABRT', 'BUS', 'FPE', 'KILL', 'USR1', 'SEGV', 'USR2', 'PIPE',
  'ALRM', 'TERM', 'STKFLT', 'CHLD', 'CONT', 'STOP', 'TSTP', 'TTIN', 'TTOU', 'URG', 'XCPU', 'XFSZ', 'VTALRM', 'PROF',
  'WINCH', 'POLL', 'PWR', 'SYS'];
const RTT_US_MIN = 2000; // below, timers and softirqs blur it

function signalText(signal) {
  if (typeof signal !== 'number') return signal || '';
  return SIGNALS[signal - 1] ? `SIG${SIGNALS[signal - 1]}` : signal ? `signal ${signal}` : '';
}

function after(before, text) {
  return text ? before + text : '';
}

function joined(...notes) {
  return notes.filter(Boolean).join(', ');
}

function actorText({ side, detail }, incident) {
  const named = nameAndPid(detail.comm, detail.pid ?? null);
  if (named) return named;
  if (side === 'local') return nameAndPid(incident.process.comm, incident.process.pid) || 'the process';
  return side === 'peer' ? 'the peer' : 'the network';
}

function threadNote({ detail }, incident) {
  const isMain = detail.tid !== undefined && detail.tid === incident.process.pid;
  if (isMain || (!detail.thread && detail.tid === undefined)) return '';
  return 'thread ' + nameAndPid(detail.thread, detail.tid ?? null);
}

function ownEnd({ side }, incident) {
  if (incident.endpoint.kind !== 'pipe') return 'its end';
  return side === 'peer' ? 'the read end' : 'the write end';
}

function callText({ syscall, fd, bytes }) {
  const known = [fd, bytes].some((value) => value !== undefined && value !== null);
  if (!syscall && !known) return 'a call';
  const given = joined(typeof fd === 'number' && `fd ${fd}`, typeof bytes === 'number' && byteCountText(bytes));
  return `${syscall || 'a call'}(${given})`;
}

function closedSentence(entry, incident) {
  const { detail } = entry;
  let did = `closed ${ownEnd(entry, incident)}`;
  if (detail.action === 'shutdown') did = 'shut down its sending side';
  if (detail.action === 'exit') did = `exited, which closed ${ownEnd(entry, incident)}`;
  if (detail.action === 'killed') {
    did = `was killed${after(' by ', signalText(detail.signal))}, which closed ${ownEnd(entry, incident)}`;
  }
  if (detail.accepted === false) did = 'closed its listener before it accepted';
  if (detail.action === 'abort' && !detail.linger_zero) did = 'aborted the connection';
  if (detail.linger_zero) did += ' with SO_LINGER 0';
  if (detail.unread_bytes > 0) {
    did += `${detail.linger_zero ? ',' : ' with'} ${byteCountText(detail.unread_bytes)} unread`;
  }
  return [`${actorText(entry, incident)} ${did}`, detail.via];
}

function dataSentence({ detail }, incident) {
  let sentence = (typeof detail.bytes === 'number' ? byteCountText(detail.bytes) : 'data') + ' sent';
  if (detail.again) sentence += ' again';
  if (detail.answered === 'RST') {
    // In CLOSE_WAIT the peer had closed already: there was nobody to read it.
    const closedBefore = detail.state === 'CLOSE_WAIT' || incident.rst?.state === 'CLOSE_WAIT';
    sentence += closedBefore ? ', to nobody' : ', answered with RST';
  }
  return [sentence, detail.source === 'socket' ? 'by the socket’s own clock' : detail.state];
}

// What about a RST's packet does not fit the peer that had sent the handshake.
function oddities({ ttl, handshake_ttl: usual, delay_us: delay, rtt_us: rtt }) {
  const differs = ttl !== undefined && usual !== undefined && ttl !== usual;
  const tooSoon = delay !== undefined && rtt >= RTT_US_MIN && delay * 2 < rtt;
  return joined(differs && `TTL ${ttl}, the handshake’s ${usual}`,
    tooSoon && `after ${durationText(delay)}, a round trip takes ${durationText(rtt)}`);
}

function resetReceivedSentence({ detail }, incident) {
  const answersData = incident.timeline.some((entry) => entry.event === 'data_sent' && entry.detail.answered === 'RST');
  let sentence = 'RST received' + after(' in ', detail.state);
  if (detail.state === 'SYN_SENT') sentence += ', refuses the connection';
  else if (answersData) sentence += ', answers our data';
  return [sentence, joined(after('pending error ', detail.errno), oddities(detail))];
}

function resetSentSentence({ detail }) {
  let sentence = 'RST sent' + after(' in ', detail.state);
  if (detail.active !== undefined) sentence += detail.active ? ' to abort the connection' : ' in answer to a segment';
  if (detail.count > 1) sentence += `, ${countText(detail.count)} times`;
  return [sentence, detail.reason];
}

function segmentSentence({ detail }) {
  if (detail.bytes > 0) return [`${byteCountText(detail.bytes)} received`, detail.flags];
  return [detail.flags ? `${detail.flags} received` : 'a segment received'];
}

function filteredSentence({ detail }) {
  const count = detail.count ?? 1;
  return [`a packet filter of this host dropped ${count === 1 ? 'a segment' : `${count} segments, the last here`}`];
}

function callFailedSentence(entry, incident) {
  const { detail } = entry;
  const outcome = detail.errno ? ` = ${detail.errno}` : ' failed';
  const times = detail.count > 1 ? `, ${countText(detail.count)} times` : '';
  return [callText(detail) + outcome + times, joined(threadNote(entry, incident), detail.inferred && 'inferred')];
}

function sigpipeSentence(entry, incident) {
  const fates = { killed: 'which kills the process', handled: 'for its handler' };
  return ['SIGPIPE generated' + after(', ', fates[entry.detail.fate] ?? entry.detail.fate),
    threadNote(entry, incident)];
}

function deliveredSentence(entry, incident) {
  const ends = { default: ', ends the process', kills: ', ends the process', handler: ' to its handler',
    ignore: ', ignored' };
  return [`SIGPIPE delivered${ends[entry.detail.disposition] ?? ''}`, threadNote(entry, incident)];
}

function exitedSentence(entry, incident) {
  const { signal, status } = entry.detail;
  const name = signalText(signal);
  if (name) return [`${actorText(entry, incident)} was killed by ${name}`];
  return [actorText(entry, incident) + ' exited' + (status !== undefined ? ` with status ${status}` : '')];
}

const SENTENCES = {
  connected: ({ detail }) => [detail.role === 'passive' ? 'connection accepted' : 'connected'],
  fin_received: ({ detail }) => ['FIN received', detail.state],
  fin_sent: ({ detail }) => ['FIN sent', detail.state],
  closed: closedSentence,
  shut_down: (entry, incident) => {
    const side = entry.detail.direction === 'receiving' ? 'receiving' : 'sending';
    return [`${actorText(entry, incident)} shut down its ${side} side`, entry.detail.via];
  },
  data_sent: dataSentence,
  rst_received: resetReceivedSentence,
  rst_sent: resetSentSentence,
  segment_received: segmentSentence,
  error_raised: ({ detail }) =>
    ['error pending on the socket' + after(': ', detail.errno), detail.rst === false && 'no RST came'],
  packet_filtered: filteredSentence,
  call_failed: callFailedSentence,
  call_succeeded: (entry, incident) => [`${callText(entry.detail)} succeeded`, threadNote(entry, incident)],
  sigpipe_generated: sigpipeSentence,
  sigpipe_delivered: deliveredSentence,
  process_exited: exitedSentence,
  state_changed: ({ detail }) => ['state changed', [detail.from, detail.to].filter(Boolean).join(' > ')],
  endpoint_destroyed: ({ detail }) => ['socket gone' + after(', nobody was told of its ', detail.errno)],
};

// An event that this page does not know is shown as it is.
function plainSentence({ event, detail }) {
  return [event, Object.entries(detail).map(([name, value]) => `${name} ${value}`).join(', ')];
}

function entryText(entry, incident) {
  const make = Object.hasOwn(SENTENCES, entry.event) ? SENTENCES[entry.event] : plainSentence;
  const [sentence, note] = make(entry, incident);
  const fromState = entry.detail.read_from_state && entry.detail.source !== 'socket';
  return { sentence, note: fromState ? 'before the trace; read from the socket’s state' : note || '' };
}
