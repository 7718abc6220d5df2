// The sequence ladder: a lane for each party, a row for each step, oldest first. It is a table, so that it wraps
// on a phone, prints, and reads aloud; the arrows are drawn beside the words and say nothing that they do not.

const ROW_MIDDLE = 21; // px below a row's top: where arrows run
const GAP_US_MIN = 20000; // a silence as long as this gets a row of its own

function laneTitles(incident) {
  const { process, peer, endpoint } = incident;
  const own = nameAndPid(process.comm, process.pid) || (incident.role === 'origin' ? 'no process' : 'not known');
  const named = peer && nameAndPid(peer.comm, peer.pid);
  const elsewhere = peer?.host && peer.host !== incident.host.name ? peer.host : '';
  const other = (named || 'peer, not seen') + after(' on ', elsewhere);
  if (endpoint.kind === 'pipe') return { process: own, kernel: 'the pipe', peer: named || 'reader, not seen' };
  if (endpoint.kind === 'unix') return { process: own, kernel: 'kernel', peer: other };
  const kernel = process.pid === null ? 'the kernel' : 'its kernel';
  return { process: own, kernel, far: elsewhere ? `kernel of ${elsewhere}` : "peer's kernel", peer: other };
}

function laneHeads(incident, lanes) {
  const titles = laneTitles(incident);
  return element('span', { class: 'lane-heads' }, Object.keys(titles).map((name) => {
    const head = element('span', { class: `lane-head ${name}`, title: titles[name] }, titles[name]);
    head.style.left = `${lanes[name]}%`;
    return head;
  }));
}

function laneLines(lanes, names, ended) {
  return names.map((name) => shape('line', {
    class: ended.has(name) ? 'lane ended' : 'lane', x1: `${lanes[name]}%`, x2: `${lanes[name]}%`, y1: 0, y2: '100%',
  }));
}

function arrowShape(lanes, { from, to, look, label, lower }) {
  if (lanes[from] === lanes[to]) return markShape(lanes, mark(from, 'state'));
  const crosses = [from, to].some((lane) => ['wire', 'far'].includes(lane)) && lanes.wire !== lanes.kernel;
  const slope = crosses ? 4 : 0;
  const y = ROW_MIDDLE + lower;
  const text = label && shape('text', { class: label.length > 5 ? 'label long' : 'label',
    x: `${(lanes[from] + lanes[to]) / 2}%`, y: y - (lower ? 4 : 7) }, label);
  return shape('g', { class: `arrow ${look}`, 'data-from': from, 'data-to': to },
    shape('line', { x1: `${lanes[from]}%`, x2: `${lanes[to]}%`, y1: y - slope, y2: y + slope,
      'marker-end': `url(#head-${look})` }),
    from === 'wire' && lanes.wire !== lanes.kernel
      ? shape('circle', { class: 'origin', cx: `${lanes.wire}%`, cy: y - slope, r: 2.5 }) : null,
    text || null);
}

const MARK_PATHS = { end: 'M-5-5L5 5M5-5L-5 5', error: 'M0-6L6 0L0 6L-6 0Z', signal: 'M1-7L-4 1H0L-1 7L4-1H0Z',
  state: 'M0-3A3 3 0 1 1 0 3A3 3 0 1 1 0-3Z' };

function markShape(lanes, { at, look, label }) {
  // A nested drawing puts the path at a percentage of the width.
  const held = shape('svg', { x: `${lanes[at]}%`, y: ROW_MIDDLE, overflow: 'visible' },
    shape('path', { d: MARK_PATHS[look] }));
  const text = label ? shape('text', { class: 'label long beside', x: `${lanes[at] + 3}%`, y: ROW_MIDDLE + 4 }, label)
    : null;
  return shape('g', { class: `mark ${look}`, 'data-at': at }, held, text);
}

function picture(lanes, names, ended, drawing) {
  return shape('svg', { class: 'steps', 'aria-hidden': 'true', focusable: 'false' }, laneLines(lanes, names, ended),
    drawing.map((part) => (part.from ? arrowShape(lanes, part) : markShape(lanes, part))));
}

function whenText(entry) {
  return entry.detail.read_from_state ? 'earlier' : offsetText(entry.t_us);
}

const SIDE_TEXTS = { local: 'this end', peer: 'the peer', network: 'network' };

function stepRow(entry, incident, isEvidence, scene) {
  const { sentence, note } = entryText(entry, incident);
  const row = element('tr', { class: isEvidence ? 'step evidence' : 'step', 'data-event': entry.event },
    element('td', { class: 'when' }, whenText(entry)),
    element('td', { class: 'lanes' },
      picture(scene.lanes, scene.names, scene.ended, drawingOf(entry, incident)),
      unseen(SIDE_TEXTS[entry.side] ?? '')),
    element('td', { class: 'what' },
      element('span', { class: 'sentence' }, sentence), note ? ' ' : null,
      note ? element('span', { class: 'note' }, note) : null,
      isEvidence ? element('span', { class: 'evidence-mark' }, unseen(', '), 'evidence') : null));
  endedLanes(entry).forEach((lane) => scene.ended.add(lane));
  return row;
}

function gapRow(us, scene) {
  return element('tr', { class: 'gap' },
    element('td', { class: 'when' }),
    element('td', { class: 'lanes' }, picture(scene.lanes, scene.names, scene.ended, [])),
    element('td', { class: 'what' }, `${durationText(us)} later`));
}

function ladderRows(incident, scene) {
  const evidence = new Set(incident.verdict.evidence);
  const rows = [];
  incident.timeline.forEach((entry, i) => {
    const before = incident.timeline[i - 1];
    const silence = before && !before.detail.read_from_state ? entry.t_us - before.t_us : 0;
    if (silence >= GAP_US_MIN) rows.push(gapRow(silence, scene));
    rows.push(stepRow(entry, incident, evidence.has(i), scene));
  });
  return rows;
}

function ladderTable(incident) {
  const lanes = lanesOf(incident);
  const scene = { lanes, names: Object.keys(laneTitles(incident)), ended: new Set() };
  return element('table', { class: `ladder ${incident.endpoint.kind}` },
    element('caption', { class: 'unseen' }, 'What happened, oldest first; times count from the incident’s own'),
    element('thead', {}, element('tr', {},
      element('th', { scope: 'col', class: 'when' }, 'Time'),
      element('th', { scope: 'col', class: 'lanes' }, laneHeads(incident, lanes)),
      element('th', { scope: 'col', class: 'what' }, 'What happened'))),
    element('tbody', {}, ladderRows(incident, scene)));
}
