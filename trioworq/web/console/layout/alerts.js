// What a script's request was refused with is shown once, and goes when the same part's next one is answered or
// something else is done.
"use strict";
(() => {
  const alerts = document.getElementById("alerts");
  let shown = "";
  let refused = null;

  function clear() {
    alerts.replaceChildren();
    shown = "";
    refused = null;
  }

  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.target !== alerts) return;
    // Said again it would be read out again, at every look of a part that keeps itself up to date.
    if (detail.serverResponse === shown) detail.shouldSwap = false;
    shown = detail.serverResponse;
  });

  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (!detail.successful) refused = detail.elt;
    else if (detail.elt === refused || detail.requestConfig.verb !== "get") clear();
  });
})();
