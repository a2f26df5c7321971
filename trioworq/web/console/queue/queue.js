// Keeps the page of a queue up to date, and draws what went on.
"use strict";
(() => {
  const STEPS = [...Array(12)].flatMap((_, power) => [1, 2, 5].map((step) => step * 10 ** power));
  const FINE_STEPS = [0.1, 0.2, 0.5, ...STEPS];
  const MOST_POINTS = 4000;
  const plots = new Map();
  // All that has been told of the queue; lists that come later show it too.
  const known = {};

  const { colour: style } = window.trioworqTheme;
  const shown = (number) => (Number.isInteger(number) ? String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f") : number.toFixed(1));

  const LINES = {
    trace: { colours: ["--busy", "--good", "--bad"], steps: FINE_STEPS },
    history: { colours: ["--busy", "--good", "--warn"], steps: STEPS },
  };
  const DASHES = [[], [8, 3], [2, 2]];

  // The legend has the values under the pointer, the latest ones without it.
  function follow(name) {
    const values = [...document.querySelectorAll(`[data-lines="${name}"] [data-value]`)];
    return (self) => {
      const at = self.cursor.idx ?? self.data[0].length - 1;
      values.forEach((value, index) => {
        const number = self.data[index + 1][at];
        value.textContent = number === undefined || number === null ? "" : shown(number);
      });
    };
  }

  function clock(time, step) {
    const text = trioworqTimes.write(time * 1000);
    return step < 60 ? text.slice(11, 19) : text.slice(11, 16);
  }

  function optionsOf(name, place) {
    const { colours, steps } = LINES[name];
    const quiet = { stroke: style("--quiet"), grid: { stroke: style("--line"), width: 1 }, ticks: { stroke: style("--line") } };
    const told = follow(name);
    return {
      width: place.clientWidth,
      height: place.clientHeight,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      tzDate: (time) => (trioworqTimes.isLocal() ? new Date(time * 1000) : uPlot.tzDate(new Date(time * 1000), "Etc/UTC")),
      scales: { y: { range: (self, least, most) => [0, Math.max(most * 1.05, 1)] } },
      axes: [{ ...quiet, space: 80, values: (self, times, axis, space, step) => times.map((time) => clock(time, step)) }, { ...quiet, size: 56, incrs: steps, values: (self, values) => values.map(shown) }],
      series: [{}, ...colours.map((colour, index) => ({ stroke: style(colour), width: 1.5, dash: DASHES[index], points: { show: false } }))],
      hooks: { setCursor: [told], setData: [told] },
    };
  }

  function draw(name) {
    const place = document.getElementById(name);
    if (!place) return;
    const data = plots.get(name)?.data ?? JSON.parse(place.dataset.plot);
    plots.get(name)?.plot?.destroy();
    const plot = place.hidden ? null : new uPlot(optionsOf(name, place), data, place);
    plots.set(name, { data, plot });
  }

  function renew(name, data) {
    const drawn = plots.get(name);
    if (!drawn) return;
    drawn.data = data;
    if (drawn.plot) drawn.plot.setData(data);
    else draw(name);
  }

  function showTrace(data) {
    const place = document.getElementById("trace");
    if (place.hidden && data[0].length) {
      place.hidden = false;
      document.getElementById("no-trace").remove();
    }
    renew("trace", data);
  }

  // Samples are a minute apart: what is seen meanwhile goes on from them.
  function showNow(figures) {
    const drawn = plots.get("history");
    if (!drawn || figures[0] <= drawn.data[0].at(-1)) return;
    const spanS = Number(document.getElementById("history").dataset.span);
    const from = Math.max(drawn.data[0].findIndex((time) => time > figures[0] - spanS), drawn.data[0].length - MOST_POINTS);
    renew("history", drawn.data.map((column, index) => [...column.slice(from), figures[index]]));
  }

  function showCells(cells) {
    trioworqCells.write(document.getElementById("main"), cells);
    Object.assign(known, cells);
    showCounts();
  }

  function showCounts() {
    for (const tab of document.querySelectorAll("#jobs .tabs [data-cell]")) {
      const text = known[tab.dataset.cell];
      if (text !== undefined && tab.textContent !== text) tab.textContent = text;
    }
  }

  function drawAll() {
    for (const name of Object.keys(LINES)) draw(name);
  }

  function fit() {
    for (const [name, { plot }] of plots) {
      const place = document.getElementById(name);
      if (plot && place) plot.setSize({ width: place.clientWidth, height: place.clientHeight });
    }
  }

  document.addEventListener("console:tick", ({ detail }) => {
    showCells(detail.cells);
    if (detail.trace) showTrace(detail.trace);
    if (detail.now) showNow(detail.now);
  });
  document.addEventListener("htmx:afterSettle", showCounts);
  // The form takes the place of the link that asked for it, so the focus goes with it.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "definition") document.querySelector("#definition input:not([type=hidden]), #edit")?.focus();
  });

  drawAll();
  new ResizeObserver(fit).observe(document.getElementById("main"));
  for (const change of ["console:theme", "console:times"]) document.addEventListener(change, drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
