// Elements, numbers and messages between sections. Texts go in as text nodes, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

const NOTHING = "–";

function shown(value, digits, mostDigits = 0) {
  if (value === null) return NOTHING;
  if (typeof value !== "number") return value;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: Math.max(digits, mostDigits) });
}

const plural = (count, one, many = `${one}s`) => `${shown(count, 0)} ${count === 1 ? one : many}`;

// A section tells others what was chosen in it.
const tell = (event, detail) => document.dispatchEvent(new CustomEvent(event, { detail }));
const hear = (event, listener) => document.addEventListener(event, ({ detail }) => listener(detail));

// Pictures by name, so that tables know which of their images can be opened.
const pictures = new Map();
