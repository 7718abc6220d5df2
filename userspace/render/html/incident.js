// An opened incident: verdict, advice, ladder, chain and burst, rivals, facts, and the JSON itself.

const PATTERNS = {
  same_idle_age: 'All had been silent for the same time: a timer ends connections of that age.',
  one_instant: 'All were open side by side and broke at once: one event ended them.',
  no_bytes: 'None carried a byte or lived for more than a moment.',
};
const CHAIN_MAX = 16;

// Ids are well-formed text unless the page was tampered with; a link must not throw even then.
function linkAddress(id) {
  return '#' + encodeURIComponent(id.replace(/[\ud800-\udfff]/gu, '\ufffd'));
}

function linked(row, relation) {
  return element('li', {}, relation ? element('span', { class: 'relation' }, relation, ' ') : null,
    element('a', { href: linkAddress(row.id) }, `${processText(row)}: ${toldText(row)}`), ' ',
    element('span', { class: 'note' }, `${causeText(row.cause)}, ${clockText(row.ms)}`));
}

// The ids of what brought this one about, the first of all first; the last may be an incident not on this page.
function causesOf(row) {
  const ids = [];
  for (let id = row.causedBy; id !== null && !ids.includes(id) && id !== row.id && ids.length < CHAIN_MAX;) {
    ids.unshift(id);
    id = store.byId.get(id)?.causedBy ?? null;
  }
  return ids;
}

// From the first cause down to this one and on to what it brought about.
function chainItems(row) {
  const relation = 'brought about';
  const above = causesOf(row).map((id, i) => {
    const cause = store.byId.get(id);
    return cause ? linked(cause, i > 0 ? relation : '')
      : element('li', {}, 'An incident that is not on this page, ', code(id), ',');
  });
  const own = element('li', {}, above.length ? element('span', { class: 'relation' }, relation, ' ') : null,
    element('strong', {}, above.length ? 'this incident' : 'This incident'));
  const effects = store.effects.get(row.id) ?? [];
  const below = effects.slice(0, CHAIN_MAX).map((effect) => linked(effect, relation));
  if (effects.length > CHAIN_MAX) below.push(element('li', {}, `and ${plural(effects.length - CHAIN_MAX, 'other')}`));
  return above.length + below.length ? [...above, own, ...below] : [];
}

function chainSection(row) {
  const items = chainItems(row);
  return items.length ? element('section', { class: 'chain' }, element('h3', {}, 'Chain'),
    element('ol', {}, items)) : null;
}

function burstSection(incident, onFilter) {
  const { burst } = incident;
  if (!burst) return null;
  const here = store.bursts.get(burst.id)?.length ?? 1;
  const size = Math.max(burst.size, here);
  return element('section', { class: 'burst' }, element('h3', {}, 'Burst'),
    element('p', {}, `One of ${countText(size)} alike within ${durationText(burst.window_us)}. `,
      PATTERNS[burst.pattern] ?? '', ' ',
      here > 1 ? button({ class: 'plain' }, () => onFilter(exactTerm('burst', burst.id)),
        `Show the ${countText(here)} on this page`) : null));
}

// Commands stand between backquotes.
function withCommands(text) {
  const parts = text.split('`');
  return parts.length % 2 ? parts.map((part, i) => (i % 2 ? code(part) : part)) : text;
}

const CONFIDENCES = {
  certain: 'the facts exclude every rival',
  likely: 'a named rule prefers it',
  unknown: 'the facts needed are missing',
};

function verdictSection({ verdict, lost }) {
  return element('section', { class: 'verdict' }, element('h3', { class: 'unseen' }, 'Verdict'),
    element('p', { class: 'summary' }, verdict.summary),
    element('p', { class: 'tags' }, severityMark(verdict.severity),
      element('span', { 'aria-hidden': 'true' }, verdict.severity), ' ',
      code(verdict.cause), ' ',
      element('span', { title: CONFIDENCES[verdict.confidence] }, element('strong', {}, verdict.confidence), ': ',
        CONFIDENCES[verdict.confidence] ?? '')),
    lost > 0 ? element('p', { class: 'notice' },
      `${plural(lost, 'event was', 'events were')} lost while this ran, which can only have made the verdict less certain.`) : null,
    verdict.advice ? element('div', { class: 'advice' }, element('h3', {}, 'What to change'),
      element('p', {}, withCommands(verdict.advice))) : null);
}

function rivalsSection({ verdict }) {
  const rivals = verdict.rejected ?? [];
  if (rivals.length === 0) return null;
  return element('section', { class: 'rivals' }, element('h3', {}, 'Why nothing else'),
    element('dl', {}, rivals.map((rival) => element('div', {}, element('dt', {}, causeText(rival.cause)),
      element('dd', {}, rival.because)))));
}

function ladderSection(incident) {
  const shown = incident.timeline.length ? ladderTable(incident)
    : element('p', {}, 'No step of it was seen.');
  return element('section', { class: 'sequence' }, element('h3', {}, 'Sequence'), shown,
    element('p', { class: 'hint' }, 'Rows marked ', element('span', { class: 'evidence-mark' }, 'evidence'),
      ' are what the verdict rests on.',
      incident.endpoint.kind === 'tcp' ? ' An arrow that begins or ends half-way was seen at one side only.' : ''));
}

// Escapes stay within JSON: what visible() spells out is an escape there too.
function jsonSection(incident) {
  const shown = element('pre', { tabindex: '0', 'aria-label': 'This incident as JSON' });
  const details = element('details', { class: 'json' }, element('summary', {}, 'JSON'), shown);
  details.addEventListener('toggle', () => {
    if (!shown.firstChild) shown.textContent = visibleJson(incident);
  });
  return details;
}

function visibleJson(incident) {
  return JSON.stringify(incident, null, 2).split('\n').map((line) => visible(line, 20000)).join('\n');
}

function placeLine(row, incident) {
  return element('p', { class: 'place' }, exactTimeText(row.time), ' · ', incident.host.name, ' · ',
    element('a', { href: linkAddress(row.id), class: 'own-link' }, 'link to this incident'),
    incident.revision > 0 ? ` · revision ${incident.revision}` : '');
}

function openedIncident(row, onFilter) {
  const incident = wholeIncident(row);
  if (incident === null) return element('p', { class: 'notice' }, 'This incident’s part of the page is damaged.');
  return element('article', { class: 'incident', 'aria-label': `${processText(row)}: ${toldText(row)}` },
    placeLine(row, incident), verdictSection(incident), ladderSection(incident), chainSection(row),
    burstSection(incident, onFilter), rivalsSection(incident), allFacts(incident), jsonSection(incident));
}
