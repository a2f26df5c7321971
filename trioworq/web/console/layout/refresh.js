// Has parts of a page ask for news while somebody sees it: data-refresh="2" hx-trigger="refresh" is every 2 s.
"use strict";
(() => {
  const root = document.documentElement;
  const bar = document.getElementById("connection");
  const word = document.getElementById("connection-word");
  let seconds = 0;

  setInterval(() => {
    seconds += 1;
    if (document.hidden) return;
    for (const part of document.querySelectorAll("[data-refresh]")) {
      if (seconds % Number(part.dataset.refresh) === 0) part.dispatchEvent(new CustomEvent("refresh"));
    }
  }, 1000);

  function show(isLost) {
    if (isLost === (root.dataset.connection === "lost")) return;
    root.dataset.connection = isLost ? "lost" : "live";
    word.textContent = isLost ? "connection lost" : "live";
    const now = new Date().toLocaleTimeString("en-GB", { hour12: false });
    bar.textContent = isLost ? `Connection lost, since ${now}` : "";
  }

  // What has the focus keeps it where its like is in the part's new state, by what is written on it.
  let focused = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const element = document.activeElement;
    focused = event.detail.target.contains(element) ? [element.tagName, element.textContent] : null;
  });
  document.addEventListener("htmx:load", (event) => {
    if (!focused) return;
    const [tag, text] = focused;
    const like = [...event.detail.elt.querySelectorAll(tag)].find((element) => element.textContent === text);
    like?.focus({ preventScroll: true });
    focused = null;
  });

  document.addEventListener("htmx:sendError", () => show(true));
  document.addEventListener("htmx:afterOnLoad", (event) => {
    show(false);
    // What a part could not be told is past, now that it is told something.
    if (event.detail.successful) document.getElementById("alerts").replaceChildren();
  });
})();
