// Moments in local time or UTC, as people choose; the other one is in the title.
"use strict";
(() => {
  const KEY = "trioworq-times";
  let isLocal = kept() !== "utc";

  function kept() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  }

  const two = (number) => String(number).padStart(2, "0");

  function local(time) {
    const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
    return `${day} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  }

  const utc = (time) => `${time.toISOString().slice(0, 19).replace("T", " ")} UTC`;

  function write(element) {
    const time = new Date(Number(element.dataset.ms));
    if (Number.isNaN(time.getTime())) return;
    element.textContent = isLocal ? local(time) : utc(time);
    element.title = isLocal ? utc(time) : `${local(time)} local time`;
  }

  function writeAll(root) {
    if (root.matches?.("time[data-ms]")) write(root);
    for (const element of root.querySelectorAll("time[data-ms]")) write(element);
  }

  const button = document.querySelector("[data-switch=times]");
  const label = () => {
    button.textContent = isLocal ? "Local" : "UTC";
    button.setAttribute("aria-label", `Times: ${button.textContent}`);
  };
  button.hidden = false;
  button.title = "Show times in local time or UTC";
  label();
  button.addEventListener("click", () => {
    isLocal = !isLocal;
    try {
      localStorage.setItem(KEY, isLocal ? "local" : "utc");
    } catch {
      // A browser that keeps nothing forgets it with the page.
    }
    label();
    writeAll(document);
    document.dispatchEvent(new CustomEvent("console:times", { detail: isLocal }));
  });

  writeAll(document);
  document.addEventListener("htmx:load", (event) => writeAll(event.detail.elt));

  // For the scripts of pages, which write moments of their own.
  window.trioworqTimes = {
    write: (ms) => (isLocal ? local(new Date(ms)) : utc(new Date(ms))),
    writeAll,
    isLocal: () => isLocal,
  };
})();
