// Durations, sizes and times as pipetrace's text output writes them.

const zone = { utc: false };

function pad(number, digits) {
  return String(number).padStart(digits, '0');
}

// Whole parts are cut, not rounded: nothing may be said to have lasted longer than it did.
function durationText(us) {
  const seconds = Math.floor(us / 1e6);
  if (us < 1000) return `${us} us`;
  if (us < 1e6) return `${Math.floor(us / 1000)}.${Math.floor(us % 1000 / 100)} ms`;
  if (seconds < 120) return `${seconds}.${pad(Math.floor(us % 1e6 / 1000), 3)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor(seconds / 3600) % 24} h`;
}

// Beside an incident's own time.
function offsetText(us) {
  if (us === 0) return '0';
  const sign = us < 0 ? '−' : '+';
  const size = Math.abs(us);
  if (size < 1e4) return `${sign}${(size / 1e3).toFixed(3)} ms`;
  if (size < 1e6) return `${sign}${(size / 1e3).toFixed(1)} ms`;
  if (size < 1e8) return `${sign}${(size / 1e6).toFixed(3)} s`;
  return `${sign}${(size / 1e6).toFixed(0)} s`;
}

function sizeText(bytes) {
  if (bytes < 10000) return `${bytes} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let size = bytes / 1024;
  let unit = 0;
  for (; size >= 1000 && unit + 1 < units.length; unit++) size /= 1024;
  return `${size.toFixed(1)} ${units[unit]}`;
}

function byteCountText(bytes) {
  return `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`;
}

function countText(count) {
  return count.toLocaleString('en');
}

function plural(count, one, many = one + 's') {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

// Milliseconds of "2026-01-02T03:04:05.123456Z"; NaN where it is none.
function instantOf(time) {
  return Date.parse(String(time).slice(0, 23) + 'Z');
}

function dateParts(ms) {
  const date = new Date(ms);
  if (zone.utc) {
    return [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours(),
      date.getUTCMinutes(), date.getUTCSeconds(), date.getUTCMilliseconds()];
  }
  return [date.getFullYear(), date.getMonth() + 1, date.getDate(), date.getHours(), date.getMinutes(),
    date.getSeconds(), date.getMilliseconds()];
}

function dateText(ms) {
  const [year, month, day] = dateParts(ms);
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
}

function minuteText(ms) {
  const [, , , hours, minutes] = dateParts(ms);
  return `${pad(hours, 2)}:${pad(minutes, 2)}`;
}

function secondText(ms) {
  return `${minuteText(ms)}:${pad(dateParts(ms)[5], 2)}`;
}

function clockText(ms) {
  return `${secondText(ms)}.${pad(dateParts(ms)[6], 3)}`;
}

// To the microsecond, as recorded.
function exactTimeText(time) {
  const ms = instantOf(time);
  return `${dateText(ms)} ${clockText(ms)}${String(time).slice(23, 26)} ${zoneText(ms)}`;
}

function localZoneText(ms) {
  const minutes = -new Date(ms).getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? '−' : '+'}${Math.floor(size / 60)}${size % 60 ? ':' + pad(size % 60, 2) : ''}`;
}

function zoneText(ms) {
  return zone.utc ? 'UTC' : localZoneText(ms);
}
