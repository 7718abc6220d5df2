// The keyboard: / to the filter, arrows among the incidents, Escape out of one. Enter and Space are the
// buttons' own.

function isTyping(target) {
  return target.closest('input, textarea, select') !== null;
}

function move(opener, key) {
  const openers = [...byId('list-rows').querySelectorAll('.opener')];
  const at = openers.indexOf(opener);
  const targets = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: openers.length - 1 };
  if (key === 'ArrowDown' && at === openers.length - 1 && !byId('more').hidden) {
    appendRows(ROWS_MORE);
    move(opener, key);
    return;
  }
  const target = openers[targets[key]];
  if (!target) return;
  setCurrent(target);
  target.focus();
}

function onListKey(event) {
  const opener = event.target.closest('.opener');
  if (opener && ['ArrowDown', 'ArrowUp', 'Home', 'End'].includes(event.key)) {
    event.preventDefault();
    move(opener, event.key);
  }
}

// The incident that the focus is on or in.
function focusedId(target) {
  const row = target.closest('#list-rows > tr');
  if (!row) return null;
  return row.classList.contains('beneath') ? row.previousElementSibling.dataset.id : row.dataset.id;
}

function onEscape(event) {
  const filter = byId('filter');
  if (event.target === filter) {
    if (filter.value) setQuery(filter.value = '');
    else filter.blur();
    event.preventDefault();
    return;
  }
  const id = focusedId(event.target);
  if (id === null || !list.open.has(id)) return;
  close(id);
  const opener = openerOf(id);
  setCurrent(opener);
  opener.focus();
}

function setQuery(query) {
  list.query = query;
  refresh();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'Escape') onEscape(event);
  if (event.key === '/' && !isTyping(event.target)) {
    event.preventDefault();
    byId('filter').focus();
    byId('filter').select();
  }
}

function listenToKeys() {
  document.addEventListener('keydown', onKey);
  byId('list-rows').addEventListener('keydown', onListKey);
  byId('filter').addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowDown') return;
    event.preventDefault();
    byId('list-rows').querySelector('.opener')?.focus();
  });
}
