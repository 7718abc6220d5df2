// What a step of a story looks like on the ladder: arrows between lanes, and marks on one. A packet whose other
// side nobody saw begins or ends on the wire, between the two kernels: the picture claims no more than the trace.

// Where the lanes stand, in percent of the width. A pipe and a unix socket have one kernel and no wire.
const TCP_LANES = { process: 11, kernel: 34, wire: 50, far: 66, peer: 89 };
const LOCAL_LANES = { process: 16, kernel: 50, wire: 50, far: 50, peer: 84 };

function lanesOf(incident) {
  return incident.endpoint.kind === 'tcp' ? TCP_LANES : LOCAL_LANES;
}

function hasEntry(incident, wanted) {
  return incident.timeline.some(wanted);
}

// A FIN that comes in left the peer's kernel where its close or shutdown was seen.
function finOrigin(incident) {
  const seen = hasEntry(incident, (entry) =>
    entry.side === 'peer' && ['closed', 'shut_down'].includes(entry.event) && entry.detail.via === 'FIN');
  return seen ? 'far' : 'wire';
}

function dataTarget(incident) {
  return hasEntry(incident, (entry) => entry.side === 'peer' && entry.event === 'rst_sent' && !entry.detail.active)
    ? 'far' : 'wire';
}

// `lower`: px below the row's middle.
function arrow(from, to, look, label = '', lower = 0) {
  return { from, to, look, label, lower };
}

function mark(at, look, label = '') {
  return { at, look, label };
}

function closeLabel({ event, detail }) {
  return event === 'shut_down' ? 'shutdown' : detail.action || 'close';
}

// A close is a call into the own kernel; what that sent is another step, or unseen.
function closing(entry) {
  const isPeer = entry.side === 'peer';
  const [process, kernel] = isPeer ? ['peer', 'far'] : ['process', 'kernel'];
  const drawn = [arrow(process, kernel, 'call', closeLabel(entry))];
  if (['exit', 'killed'].includes(entry.detail.action)) drawn.push(mark(process, 'end'));
  return drawn;
}

function resetSent(entry) {
  return entry.side === 'peer' ? [arrow('far', 'wire', 'rst', 'RST')] : [arrow('kernel', 'wire', 'rst', 'RST')];
}

function dataSent({ detail }, incident) {
  const label = typeof detail.bytes === 'number' ? sizeText(detail.bytes) : 'data';
  return [arrow('kernel', dataTarget(incident), 'data', label)];
}

const DRAWINGS = {
  connected: ({ detail }) => [detail.role === 'passive' ? arrow('wire', 'kernel', 'data', 'open')
    : arrow('kernel', 'wire', 'data', 'open')],
  fin_received: (entry, incident) => [arrow(finOrigin(incident), 'kernel', 'fin', 'FIN')],
  fin_sent: () => [arrow('kernel', 'wire', 'fin', 'FIN')],
  closed: closing,
  shut_down: closing,
  data_sent: dataSent,
  rst_received: () => [arrow('wire', 'kernel', 'rst', 'RST')],
  rst_sent: resetSent,
  segment_received: ({ detail }) => [arrow('wire', 'kernel', 'data', detail.bytes > 0 ? sizeText(detail.bytes) : '')],
  error_raised: ({ detail }) => [mark('kernel', 'error', detail.errno)],
  packet_filtered: () => [mark('wire', 'end', 'filter')],
  call_failed: ({ detail }) => [arrow('process', 'kernel', 'call', '', -9),
    arrow('kernel', 'process', 'error', detail.errno, 6)],
  call_succeeded: () => [arrow('kernel', 'process', 'call', 'ok')],
  sigpipe_generated: () => [arrow('kernel', 'process', 'signal', 'SIGPIPE')],
  sigpipe_delivered: () => [mark('process', 'signal')],
  process_exited: ({ side }) => [mark(side === 'peer' ? 'peer' : 'process', 'end')],
  state_changed: () => [mark('kernel', 'state')],
  endpoint_destroyed: () => [mark('kernel', 'end')],
};
const SIDE_LANES = { local: 'kernel', peer: 'peer', network: 'wire' };

function drawingOf(entry, incident) {
  if (Object.hasOwn(DRAWINGS, entry.event)) return DRAWINGS[entry.event](entry, incident);
  return [mark(SIDE_LANES[entry.side] ?? 'kernel', 'state')];
}

// Lanes whose process has ended: nothing can happen on them any more.
function endedLanes(entry) {
  if (entry.event === 'process_exited') return [entry.side === 'peer' ? 'peer' : 'process'];
  const gone = entry.event === 'closed' && ['exit', 'killed'].includes(entry.detail.action);
  return gone ? [entry.side === 'peer' ? 'peer' : 'process'] : [];
}
