// Light, dark or as the system has it; kept for the next page. It runs before the page is drawn, so nothing flashes.
"use strict";
(() => {
  const KEY = "trioworq-theme";
  const THEMES = ["system", "light", "dark"];
  const root = document.documentElement;

  function kept() {
    try {
      const theme = localStorage.getItem(KEY);
      return THEMES.includes(theme) ? theme : "system";
    } catch {
      return "system";
    }
  }

  function keep(theme) {
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // A browser that keeps nothing forgets it with the page.
    }
  }

  let theme = kept();

  function use() {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    document.dispatchEvent(new CustomEvent("console:theme", { detail: theme }));
  }

  // For what is drawn. Of a custom property itself only its text can be asked for, which is no colour to a canvas.
  function colour(name) {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  window.trioworqTheme = { colour };

  use();
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-switch=theme]");
    const label = () => {
      button.textContent = theme[0].toUpperCase() + theme.slice(1);
      button.setAttribute("aria-label", `Theme: ${theme}`);
    };
    button.hidden = false;
    button.title = "Light, dark, or as your system has it";
    label();
    button.addEventListener("click", () => {
      theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
      keep(theme);
      use();
      label();
    });
  });
})();
