// Draws the load: layers upon each other in the order of the legend, which shows the values under the pointer.
"use strict";
(() => {
  const COLOURS = 6;
  const STRIPE_PX = 8;
  const DAY_S = 86400;
  const STEPS = [...Array(12)].flatMap((_, power) => [1, 2, 5].map((step) => step * 10 ** power));
  let plot = null;

  const { colour: colourOf } = window.trioworqTheme;
  const shown = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");

  // Six colours that people who see few colours tell apart too, plain and then striped.
  function fillOf(context, index, isOthers) {
    const colour = colourOf(`--band-${isOthers ? "others" : (index % COLOURS) + 1}`);
    return isOthers || index < COLOURS ? colour : context.createPattern(striped(colour), "repeat");
  }

  function striped(colour) {
    const tile = document.createElement("canvas");
    const size = STRIPE_PX * devicePixelRatio;
    tile.width = tile.height = size;
    const brush = tile.getContext("2d");
    brush.fillStyle = colour;
    brush.fillRect(0, 0, size, size);
    brush.strokeStyle = colourOf("--card");
    brush.lineWidth = size / 6;
    for (const shift of [-size, 0, size]) {
      brush.moveTo(shift - 1, size + 1);
      brush.lineTo(shift + size + 1, -1);
    }
    brush.stroke();
    return tile;
  }

  // Where nothing was sampled for long there is nothing: a point without values cuts the layers off.
  function withGaps(data) {
    const times = [];
    const layers = data.layers.map(() => []);
    data.times.forEach((time, at) => {
      if (at && time - data.times[at - 1] > data.gap) {
        times.push((time + data.times[at - 1]) / 2);
        for (const layer of layers) layer.push(null);
      }
      times.push(time);
      layers.forEach((layer, index) => layer.push(data.layers[index][at]));
    });
    return { times, layers };
  }

  // Points that nothing leads to are drawn as such.
  function lonely(layers) {
    const [layer = []] = layers;
    const isThere = (at) => (layer[at] ?? null) !== null;
    return layer.map((_, at) => at).filter((at) => isThere(at) && !isThere(at - 1) && !isThere(at + 1));
  }

  // Each layer lies upon all that come after it.
  function stacked(layers) {
    const sums = layers.map((layer) => [...layer]);
    for (let index = sums.length - 2; index >= 0; index -= 1) {
      sums[index] = sums[index].map((value, at) => (value === null ? null : value + sums[index + 1][at]));
    }
    return sums;
  }

  function follower(figures, times, layers) {
    const when = figures.querySelector("[data-when]");
    const cells = [when, ...figures.querySelectorAll("[data-value]")];
    const latest = cells.map((cell) => cell.textContent);

    function textsAt(at) {
      if (at === null || at === undefined || layers.some((layer) => layer[at] === null)) return latest;
      const values = layers.map((layer) => layer[at]);
      const total = values.reduce((sum, value) => sum + value, 0);
      return [window.trioworqTimes.write(times[at] * 1000), ...[...values, total].map(shown)];
    }

    return (self) => {
      const texts = textsAt(self.cursor.idx);
      cells.forEach((cell, index) => { cell.textContent = texts[index]; });
    };
  }

  // The day is told where it is another one than before.
  function moments(self, times, axis, space, step) {
    let before = "";
    return times.map((time) => {
      const [day, clock] = window.trioworqTimes.write(time * 1000).split(" ");
      const isSame = day === before;
      before = day;
      if (step >= DAY_S) return day.slice(5);
      return isSame ? clock.slice(0, 5) : `${clock.slice(0, 5)}\n${day.slice(5)}`;
    });
  }

  function optionsOf(place, data, times, layers) {
    const figures = document.getElementById("figures");
    const hasOthers = figures.querySelector(".band-others") !== null;
    const quiet = { stroke: colourOf("--quiet"), grid: { stroke: colourOf("--line"), width: 1 }, ticks: { stroke: colourOf("--line") } };
    const alone = lonely(layers);
    const layer = (_, index) => ({
      stroke: colourOf("--card"),
      width: 1,
      points: { show: alone.length > 0, filter: () => alone, size: 6, stroke: colourOf("--quiet"), fill: colourOf("--card") },
      fill: (self) => fillOf(self.ctx, index, hasOthers && index === layers.length - 1),
    });
    return {
      width: place.clientWidth,
      height: place.clientHeight,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      tzDate: (time) => (window.trioworqTimes.isLocal() ? new Date(time * 1000) : uPlot.tzDate(new Date(time * 1000), "Etc/UTC")),
      scales: { x: { range: [data.first, data.last] }, y: { range: (self, least, most) => [0, Math.max(most * 1.05, 1)] } },
      axes: [{ ...quiet, values: moments }, { ...quiet, size: 64, incrs: STEPS, values: (self, values) => values.map(shown) }],
      series: [{}, ...layers.map(layer)],
      bands: layers.slice(1).map((_, index) => ({ series: [index + 1, index + 2] })),
      hooks: { setCursor: [follower(figures, times, layers)] },
    };
  }

  function draw() {
    if (plot) plot.destroy();
    plot = null;
    const place = document.querySelector("[data-plot]");
    if (!place) return;
    const data = JSON.parse(place.dataset.plot);
    const { times, layers } = withGaps(data);
    plot = new uPlot(optionsOf(place, data, times, layers), [times, ...stacked(layers)], place);
  }

  function fit() {
    const place = document.querySelector("[data-plot]");
    if (plot && place) plot.setSize({ width: place.clientWidth, height: place.clientHeight });
  }

  draw();
  new ResizeObserver(fit).observe(document.getElementById("main"));
  for (const change of ["console:theme", "console:times", "htmx:afterSettle"]) document.addEventListener(change, draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
