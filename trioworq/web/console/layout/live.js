// Keeps a page up to date: <body data-live="/console/live?view=…"> has its address. Each message is parsed and
// given to the page's scripts as the event `console:tick`, with the data in `detail`.
"use strict";
(() => {
  const address = document.body.dataset.live;
  if (!address) return;

  const FIRST_WAIT_MS = 1000;
  const LONGEST_WAIT_MS = 10000;
  // The daemon sends something every ten seconds: a connection that is silent for longer has been lost unheard.
  const SILENCE_MS = 25000;
  const root = document.documentElement;
  const bar = document.getElementById("connection");
  const word = document.getElementById("connection-word");
  let source = null;
  let waitMs = FIRST_WAIT_MS;
  let waiting = null;
  let silence = null;
  let lostAt = null;

  function show(state) {
    root.dataset.connection = state;
    word.textContent = { live: "live", lost: "connection lost", paused: "paused", connecting: "connecting" }[state];
    const text = lostAt ? `Connection lost, since ${clock(lostAt)}` : "";
    if (bar.textContent !== text) bar.textContent = text;
  }

  function clock(time) {
    return time.toLocaleTimeString("en-GB", { hour12: false });
  }

  function hear() {
    clearTimeout(silence);
    silence = setTimeout(lose, SILENCE_MS);
  }

  function close() {
    clearTimeout(silence);
    clearTimeout(waiting);
    if (source) source.close();
    source = null;
  }

  function open() {
    close();
    hear();
    source = new EventSource(address);
    source.addEventListener("open", () => {
      waitMs = FIRST_WAIT_MS;
      lostAt = null;
      hear();
      show("live");
    });
    source.addEventListener("beat", hear);
    source.addEventListener("message", (message) => {
      hear();
      document.dispatchEvent(new CustomEvent("console:tick", { detail: JSON.parse(message.data) }));
    });
    // The browser would try again by itself, but not after every answer, and not ever more slowly.
    source.addEventListener("error", lose);
  }

  function lose() {
    close();
    lostAt ??= new Date();
    show("lost");
    waiting = setTimeout(open, waitMs * (0.75 + Math.random() / 2));
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  }

  // Browsers allow six connections to a host over HTTP/1.1: tabs that nobody sees leave theirs to others.
  function follow() {
    if (document.hidden) {
      close();
      if (!lostAt) show("paused");
    } else {
      if (!lostAt) show("connecting");
      open();
    }
  }

  document.addEventListener("visibilitychange", follow);
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => { if (event.persisted) follow(); });
  follow();
})();
