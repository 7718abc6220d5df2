// The plain facts of an opened incident, as pairs of a name and a value. What could not be known says so.

function known(value, text = String) {
  return value === null || value === undefined ? element('span', { class: 'unknown' }, 'not known') : text(value);
}

function code(text) {
  return element('code', {}, text);
}

// Pairs whose value is undefined do not apply here and are left out.
function factList(title, pairs) {
  const shown = pairs.filter(([, value]) => value !== undefined);
  if (shown.length === 0) return null;
  return element('section', { class: 'facts' }, element('h3', {}, title),
    element('dl', {}, shown.map(([name, value]) => element('div', {}, element('dt', {}, name),
      element('dd', {}, value)))));
}

function optional(value, text) {
  return value === null || value === undefined ? undefined : text(value);
}

function processPairs(process) {
  return [
    ['process', nameAndPid(process.comm, process.pid) || known(null)],
    ['executable', optional(process.exe, code)],
    ['command line', optional(process.cmdline, (words) => code(words.join(' ')))],
    ['started', optional(process.start_time, exactTimeText)],
    ['user id', optional(process.uid, String)],
    ['parent pid', optional(process.ppid, String)],
    ['cgroup', optional(process.cgroup, code)],
    ['container', optional(process.container, code)],
    ['run by', optional(process.runtime, String)],
    ['in container', optional(process.outer_container, code)],
    ['pod', optional(process.pod_uid, code)],
    ['unit', optional(process.unit, code)],
    ['unit of the user', optional(process.user_unit, code)],
    ['pid inside', process.ns_pid === process.pid ? undefined : optional(process.ns_pid, String)],
  ];
}

function processFacts(incident) {
  return factList(incident.role === 'origin' ? 'The process that this host’s RST came from' : 'The process',
    [...processPairs(incident.process), ['host', incident.host.name], ['kernel', incident.host.kernel]]);
}

function peerFacts({ peer, endpoint }) {
  if (!peer) {
    return factList('The peer', [['process', known(null)], ['address', optional(endpoint.remote, code)]]);
  }
  return factList('The peer', [...processPairs(peer), ['its end', known(peer.action)],
    ['left unread', optional(peer.unread_bytes, byteCountText)], ['host', optional(peer.host, String)]]);
}

function sentText({ bytes_sent: sent, bytes_acked: acked }) {
  if (sent === null) return undefined;
  return sizeText(sent) + (acked !== null && acked !== sent ? `, ${sizeText(acked)} acknowledged` : '');
}

function endpointFacts({ endpoint, first_close: firstClose }) {
  const isTcp = endpoint.kind === 'tcp';
  const titles = { tcp: 'The connection', unix: 'The unix-domain socket', pipe: 'The pipe' };
  return factList(titles[endpoint.kind] ?? 'The endpoint', [
    [isTcp ? 'local' : 'name', endpoint.local === null && !isTcp ? undefined : known(endpoint.local, code)],
    ['remote', isTcp ? known(endpoint.remote, code) : optional(endpoint.remote, code)],
    ['descriptor', optional(endpoint.fd, String)],
    ['state', isTcp ? known(endpoint.state, code) : undefined],
    ['closed first by', optional(firstClose, (who) => ({ peer: 'the peer', local: 'this end', none: 'nobody' })[who])],
    ['age', optional(endpoint.age_us, durationText)],
    ['silent before', optional(endpoint.idle_us, durationText)],
    ['sent', sentText(endpoint)],
    ['received', optional(endpoint.bytes_received, sizeText)],
    ['round trip', optional(endpoint.rtt_us, durationText)],
    ['sent again', optional(endpoint.retransmits, (count) => plural(count, 'segment'))],
    ['network namespace', optional(endpoint.netns, String)],
  ]);
}

function errorText(error, pid) {
  const isOther = error.tid !== null && error.tid !== pid;
  const where = callText(error) + (isOther ? `, thread ${nameAndPid(error.thread, error.tid)}` : '');
  return element('span', {}, code(error.errno), ` from ${where}`,
    error.count > 1 ? `, ${countText(error.count)} times` : '', error.inferred ? ', inferred' : '');
}

function toldFacts(incident) {
  if (incident.role === 'origin' && incident.errors.length === 0) return null;
  const fate = incident.sigpipe === 'none' ? 'none' : incident.sigpipe;
  return factList('What the program was told', [
    ...(incident.errors.length ? incident.errors.map((error) => ['error', errorText(error, incident.process.pid)])
      : [['error', 'none: no call of a program met this']]),
    ['SIGPIPE', known(fate)],
  ]);
}

function resetFacts({ rst }) {
  if (!rst) return null;
  const ttl = rst.ttl === null ? undefined
    : String(rst.ttl) + (rst.handshake_ttl === null ? '' : `, the handshake’s ${rst.handshake_ttl}`);
  return factList('The RST', [
    ['direction', rst.direction],
    ['in state', known(rst.state, code)],
    ['reason', optional(rst.why, code)],
    ['flags', optional(rst.flags, code)],
    ['sequence number', optional(rst.seq, String)],
    ['TTL', ttl],
    ['after the write', optional(rst.delay_us, durationText)],
  ]);
}

function stackFacts({ stack }) {
  if (!stack) return null;
  const frames = (list) => (list?.length ? element('pre', {}, list.join(' ← ')) : undefined);
  return factList('The call', [['user', frames(stack.user)], ['kernel', frames(stack.kernel)]]);
}

function allFacts(incident) {
  return element('div', { class: 'fact-grid' }, toldFacts(incident), endpointFacts(incident), processFacts(incident),
    peerFacts(incident), resetFacts(incident), stackFacts(incident));
}
