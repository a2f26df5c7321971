// Writes what pages are sent while they are open: {"name": text} for the element with data-cell="name", and
// {"name@attribute": text} for one of its attributes, null for none. Only what differs is touched.
"use strict";
(() => {
  const known = new WeakMap();

  function find(root, name) {
    let elements = known.get(root);
    if (!elements) known.set(root, elements = new Map());
    let element = elements.get(name);
    if (!element?.isConnected) {
      element = root.querySelector(`[data-cell="${name}"]`);
      elements.set(name, element);
    }
    return element;
  }

  function writeText(element, text) {
    if (element.textContent === text) return;
    element.textContent = text;
    if (element.classList.contains("number") || element.classList.contains("zero")) {
      element.classList.toggle("zero", ["0", "0/s", "–"].includes(text));
    }
  }

  function writeAttribute(element, name, text) {
    if (text === null) element.removeAttribute(name);
    else if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }

  function write(root, cells) {
    for (const [place, text] of Object.entries(cells)) {
      const [name, attribute] = place.split("@");
      const element = find(root, name);
      if (!element) continue;
      if (attribute) writeAttribute(element, attribute, text);
      else writeText(element, text);
      if (attribute === "data-ms") trioworqTimes.writeAll(element);
    }
  }

  window.trioworqCells = { write };
})();
