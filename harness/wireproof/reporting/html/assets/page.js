// Charts, lanes and filters of the report. Runs once, offline; text reaches the page only as text.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("charts").textContent);
  const root = document.documentElement;
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  const NAMES = ["one", "two", "three", "four", "five", "six"];
  const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 5], [1, 4]];

  const digits = (value) => value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0);
  const duration = (us) => us == null ? "–" : us < 999.5 ? `${us < 9.95 ? +us.toFixed(1) : Math.round(us)} µs`
    : us < 999500 ? `${digits(us / 1e3)} ms` : `${digits(us / 1e6)} s`;
  const whole = (value) => value == null ? "–" : Math.round(value).toLocaleString("en");
  const short = (value) => value == null ? "" : value >= 1e6 ? `${+(value / 1e6).toPrecision(3)}M`
    : value >= 1e3 ? `${+(value / 1e3).toPrecision(3)}k` : `${+value.toPrecision(3)}`;
  const percentile = (x) => `${+((1 - 1 / x) * 100).toPrecision(Math.max(2, Math.ceil(Math.log10(x)) + 1))} %`;
  const named = (label) => ({ label, labelFont: "12px system-ui, sans-serif", labelSize: 18 });
  const axisDuration = (us) => us >= 1e6 ? `${+(us / 1e6).toPrecision(3)} s` : us >= 1e3 ? `${+(us / 1e3).toPrecision(3)} ms` : `${us} µs`;

  // ---- specifications: each returns {series, columns, x, y, ...} for one figure ----

  const stroke = (index) => ({ stroke: colour(NAMES[index % 6]), dash: DASHES[index % 6], width: 2 });
  const logSplits = (u, _axis, min, max) => {
    const splits = [];
    for (let power = 10 ** Math.floor(Math.log10(min)); power <= max * 1.0001; power *= 10)
      for (const factor of max / min < 200 ? [1, 2, 5] : max / min < 3000 ? [1, 3] : [1]) splits.push(power * factor);
    return splits.filter((value) => value >= min * 0.999 && value <= max * 1.001);
  };
  const logRange = (_u, min, max) => {
    if (min == null || max == null) return [1, 10];
    const low = Math.max(min, 0.5);
    return [low / 1.3, Math.max(max, low * 2) * 1.3];
  };

  const specs = {
    percentiles(figure) {
      const curves = data.percentiles || [];
      if (!curves.length) return null;
      const chosen = curves[choice(figure, curves)];
      const kinds = Object.keys(chosen.kinds);
      if (!kinds.length) return null;
      const columns = uPlot.join(kinds.map((kind) => chosen.kinds[kind]));
      const most = columns[0][columns[0].length - 1];
      return {
        columns, name: percentile, xLabel: "percentile", x: { time: false, distr: 3, range: keep([1, most], columns[0]) },
        y: { distr: 3, range: logRange },
        xAxis: {
          splits: (u, _i, min, max) => {
            const room = 45 * Math.log10(max / min) / Math.max(u.bbox.width / devicePixelRatio, 1);
            let last = -Infinity; // of [1, 2, 4, 10 …] those that have room for their words
            return [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 2, 4].filter((x) => x >= min * 0.999 && x <= max
              && (x !== 2 && x !== 4 || Math.log10(2) > room)).sort((a, b) => a - b)
              .filter((x) => Math.log10(x) - last > room && ((last = Math.log10(x)), true));
          },
          filter: (_u, splits) => splits, values: (_u, splits) => splits.map((x) => x === 1 ? "0" : percentile(x)),
        },
        yAxis: { splits: logSplits, filter: (_u, splits) => splits, values: (_u, splits) => splits.map(axisDuration), size: 62 },
        series: kinds.map((kind, index) => ({ label: kind, value: (_u, v) => duration(v), spanGaps: true, points: { show: false }, ...stroke(index) })),
      };
    },
    throughput() {
      const s = data.series;
      return s && overTime([s.at_s, s.requests, s.failures], [
        { label: s.step_s > 1 ? `requests/s, least of ${s.step_s} s` : "requests/s", value: (_u, v) => whole(v), ...stroke(0) },
        { label: "failures", value: (_u, v) => whole(v), ...stroke(1), stroke: colour("bad") },
      ], { y: { range: zeroUp }, yAxis: { values: (_u, splits) => splits.map(short) } });
    },
    latency() {
      const s = data.series;
      return s && overTime([s.at_s, s.p50_us, s.p99_us, s.max_us], ["p50", "p99", "max"].map((label, index) =>
        ({ label, value: (_u, v) => duration(v), ...stroke(index) })), {
        y: { distr: 3, range: logRange },
        yAxis: { splits: logSplits, filter: (_u, splits) => splits, values: (_u, splits) => splits.map(axisDuration), size: 62 },
      });
    },
    depth() {
      const s = data.series;
      if (!s || s.queue_depth.every((value) => value == null)) return null;
      const stepped = uPlot.paths.stepped({ align: -1 });
      return overTime([s.at_s, s.queue_depth, s.overflows], [
        { label: "queue depth", value: (_u, v) => whole(v), paths: stepped, fill: colour("one") + "22", ...stroke(0) },
        { label: "overflows", value: (_u, v) => whole(v), ...stroke(1), stroke: colour("bad") },
      ], { y: { range: zeroUp } });
    },
    comb(figure) {
      const combs = (data.combs || []).filter((comb) => comb.at_s.length);
      if (!combs.length) return null;
      const comb = combs[choice(figure, combs)];
      const last = Math.max(comb.at_s[comb.at_s.length - 1] * 1.05, comb.width_s * 20);
      return {
        columns: [comb.at_s, comb.connects], marks: data.retries_at_s, name: (x) => `${digits(x)} s`, xLabel: "connected after about",
        x: { time: false, range: keep([-last * 0.03, last], comb.at_s) }, y: { range: zeroUp },
        xAxis: { ...named("time until connected"), space: 70, values: (_u, splits) => splits.map((v) => v < 0 ? "" : v && last < 1 ? `${+(v * 1e3).toPrecision(3)} ms` : `${+v.toPrecision(3)} s`) },
        yAxis: { ...named("connects"), values: (_u, splits) => splits.map((v) => v % 1 ? "" : v) },
        series: [{ label: "connects", value: (_u, v) => whole(v), ...stroke(0), dash: [], fill: colour("one"), width: 0,
          paths: uPlot.paths.bars({ size: [0.9, 10, 4] }), points: { show: false } }],
      };
    },
    ladder: () => ladder("throughput", "requests/s", { y: { range: zeroUp }, yAxis: { values: (_u, splits) => splits.map(short) } },
      (model) => (_u, v, _s, i) => i == null ? "–" : `${whole(v)} ${model.bound[i]}`),
    "ladder-latency": () => ladder("p99", "p99", {
      y: { distr: 3, range: logRange },
      yAxis: { splits: logSplits, filter: (_u, splits) => splits, values: (_u, splits) => splits.map(axisDuration), size: 62 },
    }, () => (_u, v) => duration(v)),
  };

  function zeroUp(_u, _min, max) { return [0, Math.max(max || 0, 1) * 1.08]; }
  function keep(whole, x) { return (_u, min, max) => min == null || (min <= x[0] && max >= x[x.length - 1]) ? whole : [min, max]; }

  function overTime(columns, series, more) {
    return { columns, series, name: (x) => `${+x.toFixed(1)} s, ${data.series.users[data.series.at_s.indexOf(x)] ?? "–"} connections`, xLabel: "time", sync: "time", phases: data.series.phase,
      x: { time: false }, xAxis: { values: (_u, splits) => splits.map((v) => `${v} s`) }, ...more };
  }

  function ladder(key, what, more, value) {
    const found = data.ladder;
    if (!found) return null;
    return { columns: [found.connections, ...found.models.map((model) => model[key])], name: (x) => `${x} connections`,
      xLabel: "connections", sync: "ladder", x: { time: false }, ...more,
      series: found.models.map((model, index) => ({ label: model.name || what, value: value(model), points: { show: true, size: 5 }, spanGaps: true, ...stroke(index) })) };
  }

  function choice(figure, curves) {
    let select = figure.querySelector("select");
    if (!select && curves.length > 1) {
      select = document.createElement("select");
      select.setAttribute("aria-label", "which");
      for (const curve of curves) select.add(new Option(curve.name));
      select.selectedIndex = curves.length - 1;
      select.addEventListener("change", () => draw(figure));
      figure.querySelector("h3").after(select);
    }
    return select ? select.selectedIndex : 0;
  }

  // ---- drawing ----

  const plots = new Map();

  function shade(phases, columns) {
    return (u) => {
      const { left, top, width, height } = u.bbox;
      u.ctx.save();
      u.ctx.fillStyle = colour("dim") + "26";
      phases.forEach((phase, index) => {
        if (phase === "steady") return;
        const from = u.valToPos(index ? columns[0][index - 1] : columns[0][0] - 1, "x", true);
        const to = u.valToPos(columns[0][index], "x", true);
        const start = Math.max(from, left), end = Math.min(to, left + width);
        if (end > start) u.ctx.fillRect(start, top, end - start, height);
      });
      u.ctx.restore();
    };
  }

  function rule(marks) {
    return (u) => {
      const { left, top, width, height } = u.bbox;
      u.ctx.save();
      u.ctx.strokeStyle = colour("two");
      u.ctx.setLineDash([4, 4]);
      u.ctx.beginPath();
      for (const mark of marks) {
        const x = u.valToPos(mark, "x", true);
        if (x >= left && x <= left + width) { u.ctx.moveTo(x, top); u.ctx.lineTo(x, top + height); }
      }
      u.ctx.stroke();
      u.ctx.restore();
    };
  }

  function draw(figure) {
    const spec = specs[figure.dataset.chart](figure);
    const place = figure.querySelector(".plot");
    if (plots.has(figure)) plots.get(figure).destroy();
    plots.delete(figure);
    if (!spec) { figure.hidden = true; return; }
    const axis = { stroke: colour("dim"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 }, font: "12px system-ui, sans-serif" };
    const plot = new uPlot({
      width: Math.max(place.clientWidth, 200), height: innerWidth < 640 ? 220 : 260,
      scales: { x: spec.x, y: spec.y || {} },
      axes: [{ ...axis, ...spec.xAxis }, { ...axis, size: 50, ...spec.yAxis }],
      series: [{ label: spec.xLabel, value: (_u, v) => v == null ? "–" : spec.name(v) }, ...spec.series],
      cursor: { sync: spec.sync ? { key: spec.sync, setSeries: false } : undefined, drag: { x: true, y: false }, focus: { prox: 24 } },
      focus: { alpha: 0.35 },
      hooks: { drawClear: spec.marks ? [rule(spec.marks)] : spec.phases && spec.phases.some((phase) => phase !== "steady") ? [shade(spec.phases, spec.columns)] : [] },
    }, spec.columns, place);
    plot.spec = spec;
    plots.set(figure, plot);
    figure.dataset.drawn = "yes";
  }

  function zoom(plot, factor, shift = 0) {
    const x = plot.data[0], log = plot.scales.x.distr === 3;
    const into = log ? Math.log10 : (v) => v, from = log ? (v) => 10 ** v : (v) => v;
    const ends = [x[0], x[x.length - 1]].map(into);
    if (!factor) { plot.setData(plot.data, true); return; }
    const low = into(plot.scales.x.min), high = into(plot.scales.x.max);
    const middle = (low + high) / 2 + shift * (high - low), half = (high - low) / 2 / factor;
    if (half * 2 >= ends[1] - ends[0] && !shift) { plot.setData(plot.data, true); return; }
    const start = Math.max(ends[0], middle - half), end = Math.min(ends[1], middle + half);
    if (end > start) plot.setScale("x", { min: from(start), max: from(end) });
  }

  function speak(figure, plot, index) {
    const { spec, data: columns } = plot;
    const parts = spec.series.map((series, at) => `${series.label} ${series.value(plot, columns[at + 1][index], at + 1, index)}`);
    figure.querySelector(".said").textContent = `${spec.name(columns[0][index])}: ${parts.join(", ")}`;
  }

  function keys(figure, event) {
    const plot = plots.get(figure);
    if (!plot || event.ctrlKey || event.metaKey || event.altKey) return;
    const x = plot.data[0], within = (i) => x[i] >= plot.scales.x.min && x[i] <= plot.scales.x.max;
    const first = x.findIndex((_v, i) => within(i)), last = x.length - 1 - [...x].reverse().findIndex((_v, i) => within(x.length - 1 - i));
    const at = plot.cursor.idx == null ? first - 1 : plot.cursor.idx;
    const moves = { ArrowRight: at + 1, ArrowLeft: at < first ? last : at - 1, Home: first, End: last, PageDown: at + 10, PageUp: at - 10 };
    if (event.shiftKey && event.key === "ArrowRight") zoom(plot, 1, 0.2);
    else if (event.shiftKey && event.key === "ArrowLeft") zoom(plot, 1, -0.2);
    else if (event.key in moves) {
      const index = Math.min(last, Math.max(first, moves[event.key]));
      plot.setCursor({ left: plot.valToPos(x[index], "x"), top: plot.over.clientHeight / 3 });
      speak(figure, plot, index);
    } else if (event.key === "+" || event.key === "=") zoom(plot, 2);
    else if (event.key === "-") zoom(plot, 0.5);
    else if (event.key === "0") zoom(plot, 0);
    else return;
    event.preventDefault();
  }

  const figures = [...document.querySelectorAll("figure.chart")];
  const drawAll = () => figures.forEach(draw);
  for (const figure of figures) {
    figure.querySelector(".plot").addEventListener("keydown", (event) => keys(figure, event));
    for (const button of figure.querySelectorAll("[data-zoom]"))
      button.addEventListener("click", () => zoom(plots.get(figure), { in: 2, out: 0.5, all: 0 }[button.dataset.zoom]));
  }
  drawAll();
  new ResizeObserver(() => {
    for (const [figure, plot] of plots) {
      const width = figure.querySelector(".plot").clientWidth;
      if (width && Math.abs(width - plot.width) > 1) plot.setSize({ width, height: plot.height });
    }
  }).observe(document.getElementById("content"));

  // ---- colours ----

  const theme = document.getElementById("theme");
  const themes = ["auto", "light", "dark"];
  theme.addEventListener("click", () => {
    const next = themes[(themes.indexOf(root.dataset.theme || "auto") + 1) % 3];
    root.dataset.theme = next;
    theme.querySelector("span").textContent = next;
    theme.setAttribute("aria-label", `◐ ${next}: colours ${next === "auto" ? "follow the system" : "chosen here"}`);
    drawAll();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

  // ---- the matrix ----

  const rows = [...document.querySelectorAll(".matrix tbody tr")];
  const find = document.getElementById("find");
  let attention = false;
  function filter() {
    const words = find.value.toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = (attention && row.dataset.attention === "no") || !row.textContent.toLowerCase().includes(words);
      shown += !row.hidden;
    }
    document.getElementById("shown").textContent = shown === rows.length ? "" : `${shown} shown`;
  }
  if (find) {
    find.addEventListener("input", filter);
    for (const button of document.querySelectorAll("[data-show]"))
      button.addEventListener("click", () => {
        attention = button.dataset.show === "attention";
        for (const other of document.querySelectorAll("[data-show]")) other.setAttribute("aria-pressed", String(other === button));
        filter();
      });
  }

  // ---- lanes and byte strips: pointer, touch and arrow keys show the same detail ----

  function dump(hex, size) {
    const lines = [];
    for (let at = 0; at < hex.length; at += 32) {
      const pairs = hex.slice(at, at + 32).match(/../g);
      const text = pairs.map((pair) => parseInt(pair, 16)).map((b) => b >= 32 && b < 127 ? String.fromCharCode(b) : ".").join("");
      lines.push(`${(at / 2).toString(16).padStart(6, "0")}  ${pairs.join(" ").padEnd(47)}  ${text}`);
    }
    if (size * 2 > hex.length) lines.push(`… ${(size - hex.length / 2).toLocaleString("en")} more bytes`);
    return lines.join("\n");
  }

  for (const box of document.querySelectorAll("[data-roving]")) {
    const items = [...box.querySelectorAll("[data-said]")];
    const detail = box.parentElement.querySelector(".detail");
    let current = -1;
    const show = (index, scroll) => {
      if (index < 0 || index >= items.length) return;
      if (current >= 0) { items[current].classList.remove("on"); items[current].setAttribute("aria-selected", "false"); }
      current = index;
      const item = items[index];
      item.id ||= `e-${Math.random().toString(36).slice(2)}`;
      item.classList.add("on");
      item.setAttribute("aria-selected", "true");
      box.setAttribute("aria-activedescendant", item.id);
      if (scroll) item.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
      const words = document.createElement("p");
      words.className = "note";
      words.textContent = item.dataset.said;
      detail.replaceChildren(words);
      if (item.dataset.hex) {
        const bytes = document.createElement("pre");
        bytes.tabIndex = 0;
        bytes.textContent = dump(item.dataset.hex, Number(item.dataset.size));
        detail.append(bytes);
      }
    };
    items.forEach((item, index) => {
      item.addEventListener("pointerenter", () => show(index, false));
      item.addEventListener("click", () => show(index, false));
    });
    box.addEventListener("keydown", (event) => {
      const moves = { ArrowRight: current + 1, ArrowDown: current + 1, ArrowLeft: current - 1, ArrowUp: current - 1, Home: 0, End: items.length - 1 };
      if (!(event.key in moves)) return;
      show(moves[event.key], true);
      event.preventDefault();
    });
  }

  for (const button of document.querySelectorAll("[data-copy]"))
    button.addEventListener("click", async () => {
      const code = button.parentElement.querySelector("code");
      try { await navigator.clipboard.writeText(code.textContent); button.textContent = "copied"; }
      catch { getSelection().selectAllChildren(code); button.textContent = "selected"; }
    });
})();
