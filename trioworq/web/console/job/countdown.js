// Counts down to what lies ahead of a job: <span data-until="ms" data-now="ms"> by the clock of the daemon.
"use strict";
(() => {
  const aheadMs = new WeakMap();

  function words(leftMs) {
    if (leftMs <= 0) return "now";
    const seconds = Math.ceil(leftMs / 1000);
    const parts = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
    const first = parts.findIndex(([, size]) => seconds >= size);
    const shown = parts.slice(first, first + 2).map(([name, size], index) => {
      const number = index ? Math.floor((seconds % parts[first][1]) / size) : Math.floor(seconds / size);
      return number ? `${number} ${name}` : "";
    });
    return `in ${shown.filter(Boolean).join(" ")}`;
  }

  function write() {
    for (const element of document.querySelectorAll("[data-until]")) {
      if (!aheadMs.has(element)) aheadMs.set(element, Number(element.dataset.now) - Date.now());
      element.textContent = words(Number(element.dataset.until) - Date.now() - aheadMs.get(element));
    }
  }

  setInterval(write, 1000);
  document.addEventListener("htmx:load", write);
  write();
})();
