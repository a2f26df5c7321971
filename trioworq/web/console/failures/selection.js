// The boxes of a list: one for all on the page, and how many are ticked.
"use strict";
(() => {
  const all = document.getElementById("all-on-page");
  if (!all) return;
  const boxes = [...document.querySelectorAll("input[name=job]")];
  const selected = document.getElementById("selected");
  const buttons = document.querySelectorAll("#selection button");

  function show() {
    const ticked = boxes.filter((box) => box.checked).length;
    selected.textContent = ticked === 1 ? "1 job" : `${ticked} jobs`;
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
    for (const button of buttons) button.disabled = ticked === 0;
  }

  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    show();
  });
  for (const box of boxes) box.addEventListener("change", show);
  // A page that comes back from the browser's memory has its boxes as they were left.
  window.addEventListener("pageshow", show);
  show();
})();
