// Building elements. What comes from a recording enters the page here and nowhere else: as text, never as
// markup, with what is invisible or turns the writing direction spelt out.

const SVG = 'http://www.w3.org/2000/svg';
const TEXT_LENGTH_MAX = 4000;
const DECEPTIVE = new RegExp(
  '[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff' +
  '\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}]', 'gu');
const HEAPED_MARKS = /(\p{M}{3})\p{M}+/gu;

function codeText(character) {
  const code = character.codePointAt(0);
  if (code < 0x20 || code === 0x7f) return '\\x' + code.toString(16).padStart(2, '0');
  return code > 0xffff ? '\\U' + code.toString(16).padStart(8, '0') : '\\u' + code.toString(16).padStart(4, '0');
}

// As a person may safely read it: the spellings are those of pipetrace's text output.
function visible(text, lengthMax = TEXT_LENGTH_MAX) {
  const safe = String(text).replace(HEAPED_MARKS, '$1…').replace(DECEPTIVE, codeText);
  return safe.length > lengthMax ? safe.slice(0, lengthMax).replace(/[\ud800-\udbff]$/, '') + '…' : safe;
}

function append(parent, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === '') continue;
    parent.append(child instanceof Node ? child : visible(child));
  }
  return parent;
}

function withAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? '' : visible(value));
  }
  return node;
}

function element(name, attributes = {}, ...children) {
  return append(withAttributes(document.createElement(name), attributes), children);
}

function shape(name, attributes = {}, ...children) {
  return append(withAttributes(document.createElementNS(SVG, name), attributes), children);
}

function button(attributes, onClick, ...children) {
  const made = element('button', { type: 'button', ...attributes }, ...children);
  made.addEventListener('click', onClick);
  return made;
}

function byId(id) {
  return document.getElementById(id);
}

// Seen by screen readers only.
function unseen(text) {
  return element('span', { class: 'unseen' }, text);
}
