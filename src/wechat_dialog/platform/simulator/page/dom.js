// Elements without a framework. Whatever comes from a bot or a user is put in as text, never as
// markup (a test looks through this folder for every way to do so).

import { ICONS } from "./icons.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element.
 * @param {string} tag its name, with classes: "button.tile.wide"
 * @param {object} properties attributes; `onclick` and the like are listeners, `data` is a dataset;
 *   true sets an empty attribute; false, null and undefined set none
 * @param {...any} children elements, texts, nested arrays; null and false are left out
 */
export function h(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "data") Object.assign(element.dataset, value);
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== false && child !== undefined));
  return element;
}

/** An icon from icons.js; it says nothing to a screen reader, what it is on has a name. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  for (const [shape, attributes] of ICONS[name]) {
    const part = document.createElementNS(SVG, shape);
    for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, value);
    svg.append(part);
  }
  return svg;
}

/** A button with an icon alone; `label` is its name and its tooltip. */
export function iconButton(name, label, onclick, properties = {}) {
  return h("button.icon-button", { type: "button", title: label, "aria-label": label, onclick, ...properties }, icon(name));
}

const KEPT = new WeakMap();

/**
 * Make the children of `parent` those of `items`, and touch only what has changed.
 * @param {Element} parent whose children are all ours
 * @param {Array} items what to show, in order
 * @param {function} keyOf a name for an item that stays the same when the item changes
 * @param {function} versionOf an array of everything its element depends on
 * @param {function} make the element of an item
 */
export function sync(parent, items, keyOf, versionOf, make) {
  const had = KEPT.get(parent) ?? new Map();
  const kept = new Map();
  let place = parent.firstChild;
  for (const item of items) {
    const key = keyOf(item);
    const version = versionOf(item);
    let entry = had.get(key);
    had.delete(key);
    if (!entry || !same(entry.version, version)) {
      const node = make(item);
      if (entry) {
        if (place === entry.node) place = node;
        exchange(entry.node, node);
      }
      entry = { node, version };
    }
    kept.set(key, entry);
    if (entry.node === place) place = place.nextSibling;
    else parent.insertBefore(entry.node, place);
  }
  for (const { node } of had.values()) node.remove();
  KEPT.set(parent, kept);
}

/** Make `parent` hold one element, made anew only when `version` changes. */
export function fill(parent, version, make) {
  sync(parent, [version], () => "only", (item) => item, make);
}

function same(one, other) {
  return one.length === other.length && one.every((value, i) => Object.is(value, other[i]));
}

// Somebody who moves with the keyboard stays where they were when the focused element is drawn anew.
function exchange(old, node) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const scrolled = [...old.querySelectorAll("[data-keep]")].map((part) => [part.dataset.keep, part.scrollTop]);
  old.replaceWith(node);
  for (const [name, top] of scrolled) {
    const part = node.querySelector(`[data-keep="${CSS.escape(name)}"]`);
    if (part) part.scrollTop = top;
  }
  if (!focused) return;
  const name = focused.dataset.focus;
  const next = name && node.querySelector(`[data-focus="${CSS.escape(name)}"]`);
  (next ?? (node.matches("button, [tabindex]") ? node : node.querySelector("button, [tabindex]")))?.focus();
}
