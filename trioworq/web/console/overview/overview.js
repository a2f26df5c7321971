// Keeps the table of queues up to date: cells in their place, rows in their order unless somebody is at them.
"use strict";
(() => {
  const table = document.getElementById("queues");
  const body = table.tBodies[0];
  const blank = document.getElementById("queue-row").content.firstElementChild;
  const form = document.getElementById("filter");
  const held = document.getElementById("held");
  const counted = document.getElementById("filter-count");
  const nodes = document.getElementById("nodes");
  const rows = new Map();
  for (const row of body.rows) rows.set(row.dataset.key, row);
  // The order that rows are to have; null when they have it.
  let wanted = null;
  let isPointed = false;

  function add(key) {
    const row = blank.cloneNode(true);
    row.dataset.key = key;
    rows.set(key, row);
    body.append(row);
    return row;
  }

  // What has not changed is not read out again.
  function say(place, text) {
    if (place.textContent !== text) place.textContent = text;
  }

  // A row never moves under a pointer, nor from where the focus is.
  const isHeld = () => isPointed || body.contains(document.activeElement);

  function arrange() {
    if (wanted === null) return;
    const kept = new Set(wanted);
    if (isHeld()) {
      for (const [key, row] of rows) row.toggleAttribute("data-gone", !kept.has(key));
      say(held, "Order held while you are at the table");
      return;
    }
    say(held, "");
    for (const [key, row] of rows) {
      if (kept.has(key)) continue;
      row.remove();
      rows.delete(key);
    }
    let next = body.firstElementChild;
    for (const key of wanted) {
      const row = rows.get(key) ?? add(key);
      row.removeAttribute("data-gone");
      if (row === next) next = next.nextElementSibling;
      else body.insertBefore(row, next);
    }
    wanted = null;
  }

  function filter() {
    const text = form.elements.q.value.toLowerCase();
    const kind = form.elements.kind.value;
    const onlyTrouble = form.elements.trouble.checked;
    let seen = 0;
    for (const row of rows.values()) {
      const isSeen = row.querySelector("[data-cell=name]").textContent.toLowerCase().includes(text)
        && (!kind || row.querySelector("[data-cell=kind]").textContent === kind)
        && !(onlyTrouble && row.querySelector("[data-cell=state]").dataset.state === "ok");
      if (row.hidden === isSeen) row.hidden = !isSeen;
      seen += isSeen;
    }
    const isFiltered = text || kind || onlyTrouble;
    say(counted, isFiltered ? `${seen} of ${rows.size} shown` : "");
  }

  function keepInAddress() {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) query.append(name, value);
    history.replaceState(history.state, "", query.size ? `?${query}` : location.pathname);
  }

  function showNodes(told) {
    nodes.replaceChildren(...told.map(([host, queues]) => {
      const item = document.createElement("li");
      const name = document.createElement("b");
      name.textContent = host;
      item.append(name, ` ${queues}`);
      return item;
    }));
  }

  document.addEventListener("console:tick", ({ detail }) => {
    for (const [key, cells] of Object.entries(detail.rows)) trioworqCells.write(rows.get(key) ?? add(key), cells);
    trioworqCells.write(document.getElementById("main"), detail.cells);
    if (detail.nodes) showNodes(detail.nodes);
    wanted = detail.order ?? wanted;
    arrange();
    filter();
  });

  body.addEventListener("pointerenter", (event) => { isPointed = event.pointerType === "mouse"; });
  body.addEventListener("pointerleave", () => { isPointed = false; arrange(); });
  // The focus has not arrived at its next place when it leaves.
  body.addEventListener("focusout", () => setTimeout(arrange));
  form.addEventListener("input", () => { filter(); keepInAddress(); });
  form.addEventListener("submit", (event) => { event.preventDefault(); filter(); keepInAddress(); });
  filter();
})();
