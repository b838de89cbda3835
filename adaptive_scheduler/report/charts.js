// Drawing: what lod.js leaves of the numbers -> plotly. Nothing here becomes HTML but through `label`.

const told = JSON.parse(document.getElementById("data").textContent);
const samples = {
  at: moments(told.samples.at),
  cpu: percents(told.samples.cpu),
  foreign: percents(told.samples.foreign),
  memory: percents(told.samples.memory),
  step: bytes(told.samples.step),
};
const tasks = told.tasks.map((one) => {
  const at = moments(one.at), seconds = durations(one.seconds), status = new Uint8Array(at.length), odd = new Map();
  for (const [place, number, unusual, note] of one.odd) {
    status[place] = number;
    odd.set(place, { unusual, note });
  }
  const usual = { at: moments(one.usual.at), low: durations(one.usual.low), high: durations(one.usual.high) };
  return { ...one, at, seconds, status, odd, usual, longest: seconds.reduce((most, value) => Math.max(most, value), 0) };
});
const shownTasks = told.rows.map((place) => tasks[place]);
const length = told.end - told.begin;
const GAP = 2.5 * told.tick;
const CONFIG = { displayModeBar: false, doubleClick: false, responsive: false, showTips: false };
const SYMBOLS = {
  ok: "circle", warning: "triangle-up", failed: "x", timeout: "hourglass", interrupted: "square", lost: "pentagon", error: "star",
  running: "circle",
};
const SEVERITY = ["running", "warning", "lost", "interrupted", "timeout", "failed", "error"];
const SIGN_WIDTH = 12;
const EVENTS = { cpu_spike: "triangle-up", memory_leak: "circle", high_latency: "diamond", missed_cycles: "square" };
const NAMES = ["ink", "quiet", "grid", "paper", "cpu", "foreign", "memory", "event", ...Object.keys(SYMBOLS)];

// plotly obeys some HTML in its labels; what others wrote is shown.
const label = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const short = (text, most) => label(text.length > most ? text.slice(0, most - 1) + "\u2026" : text);

// The colours of the present theme, as plotly can read them.
function colours() {
  const probe = document.body.appendChild(document.createElement("i")), found = {};
  for (const name of NAMES) {
    probe.style.color = `var(--${name})`;
    found[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return found;
}

const faint = (colour, share) => colour.replace("rgb(", "rgba(").replace(")", `, ${share})`);

// Seconds since the beginning -> what plotly's axis shows: local time, in milliseconds.
const shown = (seconds) => (told.begin + told.offset + seconds) * 1000;
const shownAll = (all) => all.map((one) => (one === null ? null : shown(one)));
const clock = (seconds) => new Date(shown(seconds)).toISOString().slice(0, 16).replace("T", " ");

function words(seconds) {
  if (seconds < 9.95) return `${+seconds.toFixed(1)} s`;
  for (const [unit, size, next] of [["s", 1, 100], ["min", 60, 5940], ["h", 3600, 172800]])
    if (seconds < next) return `${+(seconds / size).toFixed(seconds / size < 10 ? 1 : 0)} ${unit}`;
  return `${+(seconds / 86400).toFixed(1)} d`;
}

function layout(element, colour, height, more) {
  const narrow = element.clientWidth < 640;
  return {
    height,
    width: element.clientWidth,
    autosize: false,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", size: narrow ? 11 : 12, color: colour.quiet },
    hoverlabel: { bgcolor: colour.paper, bordercolor: colour.grid, font: { color: colour.ink }, align: "left" },
    hovermode: "closest",
    showlegend: false,
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    ...more,
  };
}

const axis = (colour, more) => ({
  gridcolor: colour.grid, zeroline: false, linecolor: colour.grid, tickcolor: colour.grid, fixedrange: true, ...more,
});

const timeAxis = (colour, view, more) =>
  axis(colour, {
    type: "date", range: [shown(view.from), shown(view.to)], fixedrange: false, showspikes: true, spikemode: "across",
    spikesnap: "cursor", spikethickness: 1, spikedash: "dot", spikecolor: colour.quiet, ...more,
  });

const heading = (text, y, colour) => ({
  text, x: 0, y, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom", showarrow: false,
  font: { color: colour.ink, size: 12 },
});

// Two colours as they are between one another.
function mixed(one, other, share) {
  const [first, second] = [one, other].map((colour) => colour.match(/[\d.]+/g).map(Number));
  return `rgb(${[0, 1, 2].map((place) => Math.round(first[place] + (second[place] - first[place]) * share)).join(", ")})`;
}

// A line over time; where many values share a place, with the band between the lowest and the highest.
function line(found, colour, name, yaxis, say, { band: banded = true, area = false } = {}) {
  const { x, y } = outline(area ? { ...found, low: found.x.map(() => 0), high: found.mean } : found);
  const text = found.mean.map((mean, place) => {
    if (mean === null) return "";
    const many = found.merged && found.high[place] - found.low[place] > 0;
    return `${clock(found.x[place])}<br>${name} ${say(mean)}${many ? ` (${say(found.low[place])} to ${say(found.high[place])})` : ""}`;
  });
  const band = {
    x: shownAll(x), y, yaxis, mode: "lines", fill: "toself", fillcolor: faint(colour, area ? 0.3 : 0.2), line: { width: 0 },
    hoverinfo: "skip",
  };
  const middle = { x: shownAll(found.x), y: found.mean, yaxis, mode: "lines", text, hoverinfo: "text", name };
  const drawn = { ...middle, line: { color: colour, width: area ? 0.8 : 1.4 } };
  return area || (banded && found.merged) ? [band, drawn] : [drawn];
}

// Where the parts of a chart stand, from top to bottom: heights in pixels -> domains of the y axes.
function stacked(heights, space) {
  const all = heights.reduce((sum, one) => sum + one, 0) + space * (heights.length - 1), found = [];
  let top = all;
  for (const one of heights) {
    found.push([Math.max(0, (top - one) / all), top / all]);
    top -= one + space;
  }
  return { domains: found, all };
}

const percent = (value) => `${+value.toFixed(1)} %`;

function drawTimeline(view) {
  const element = document.getElementById("timeline");
  if (!element) return;
  const colour = colours(), narrow = element.clientWidth < 640, rows = shownTasks.length + 1;
  const left = narrow ? 92 : Math.min(190, 28 + 7 * Math.max(6, ...shownTasks.map((one) => Math.min(24, one.name.length))));
  const { domains, all } = stacked([narrow ? 130 : 170, narrow ? 80 : 100, rows * 22 + 4], 34);
  const pixel = (view.to - view.from) / Math.max(100, element.clientWidth - left - 12), spare = (view.to - view.from) / 2;
  const from = Math.max(0, view.from - spare), to = Math.min(length, view.to + spare);
  const curve = (values) => envelope(samples.at, values, from, to, pixel, GAP);
  const traces = [
    ...line(curve(samples.foreign), colour.foreign, "CPU not ours", "y", percent, { area: true }),
    ...line(curve(samples.cpu), colour.cpu, "CPU", "y", percent),
    ...line(curve(samples.memory), colour.memory, "Memory", "y2", percent),
    ...gantt(from, to, pixel, colour),
    happened(from, to, colour),
  ];
  const titles = ["<b>CPU</b> %", "<b>Memory</b> %", "<b>Runs</b> of each task, and events"];
  const size = narrow ? 13 : 24;
  const shape = layout(element, colour, all + 70, {
    margin: { l: left, r: 12, t: 26, b: 44 },
    xaxis: timeAxis(colour, view, { anchor: "y3" }),
    yaxis: axis(colour, { domain: domains[0], range: [0, 100], dtick: 25 }),
    yaxis2: axis(colour, { domain: domains[1], range: [0, 100], dtick: 50 }),
    yaxis3: axis(colour, {
      domain: domains[2], range: [rows - 0.5, -0.5], tickvals: [...Array(rows).keys()], ticks: "",
      ticktext: ["events", ...shownTasks.map((one) => short(one.name, size))],
    }),
    annotations: titles.map((text, place) => heading(text, domains[place][1], colour)),
    shapes: marks(view, colour),
  });
  Plotly.react(element, traces, shape, CONFIG);
}

function blockText(task, block) {
  const status = told.statuses[block.status], begin = clock(block.start);
  if (block.count > 1) return `${label(task.name)}<br>${block.count} runs: ${status}<br>${begin} to ${clock(block.end)}`;
  const odd = task.odd.get(block.first), note = odd && odd.note ? `<br>${label(odd.note)}` : "";
  return `${label(task.name)}<br>${begin}: ${status}, ${words(task.seconds[block.first])}${note}`;
}

// Bars are thick lines: one path a status, however many runs. What was not ok has a sign of its own on top.
function gantt(from, to, pixel, colour) {
  const bars = told.statuses.map(() => ({ x: [], y: [], text: [] })), signs = [];
  shownTasks.forEach((task, row) => {
    const found = blocks(task, from, to, pixel);
    for (const block of found) {
      const bar = bars[block.status], text = blockText(task, block);
      // What is pointed at is the nearest point of a line, so a long bar has some in its middle.
      const parts = Math.max(1, Math.ceil((block.end - block.start) / (24 * pixel)));
      for (let part = 0; part <= parts; part++) {
        bar.x.push(shown(block.start + ((block.end - block.start) * part) / parts));
        bar.y.push(row + 1);
        bar.text.push(text);
      }
      bar.x.push(null);
      bar.y.push(null);
      bar.text.push("");
    }
    for (const sign of worst(found, pixel)) signs.push({ ...sign, row: row + 1, text: signText(task, sign) });
  });
  const drawn = [];
  bars.forEach((bar, status) => {
    const tint = colour[told.statuses[status]];
    if (bar.x.length) drawn.push({ ...bar, yaxis: "y3", mode: "lines", hoverinfo: "text", line: { color: tint, width: 11 } });
  });
  const edge = { color: colour.paper, width: 1 };
  const names = signs.map((sign) => told.statuses[sign.status]);
  const marker = { symbol: names.map((name) => SYMBOLS[name]), color: names.map((name) => colour[name]), size: 11, line: edge };
  drawn.push({
    x: signs.map((sign) => shown(sign.at)), y: signs.map((sign) => sign.row), text: signs.map((sign) => sign.text),
    yaxis: "y3", mode: "markers", hoverinfo: "text", marker,
  });
  return drawn;
}

// One sign for what stands closer together than a sign is wide: that of the worst status.
function worst(found, pixel) {
  const signs = [];
  for (const block of found.filter((one) => told.statuses[one.status] !== "ok").sort((one, other) => one.start - other.start)) {
    const before = signs[signs.length - 1], at = (block.start + block.end) / 2;
    if (!before || at - before.at > SIGN_WIDTH * pixel) {
      signs.push({ at, status: block.status, all: [block] });
      continue;
    }
    before.all.push(block);
    if (severity(block.status) > severity(before.status)) before.status = block.status;
  }
  return signs;
}

const severity = (status) => SEVERITY.indexOf(told.statuses[status]);

function signText(task, sign) {
  if (sign.all.length === 1) return blockText(task, sign.all[0]);
  const counts = new Map(), last = sign.all[sign.all.length - 1];
  for (const block of sign.all) counts.set(block.status, (counts.get(block.status) || 0) + block.count);
  const parts = [...counts].map(([status, count]) => `${count} ${told.statuses[status]}`);
  return `${label(task.name)}<br>${parts.join(", ")}<br>${clock(sign.all[0].start)} to ${clock(last.end)}`;
}

function happened(from, to, colour) {
  const seen = told.events.filter(([at]) => at >= from && at <= to);
  return {
    x: seen.map(([at]) => shown(at)),
    y: seen.map(() => 0),
    text: seen.map(([at, name, reason]) => `${clock(at)}: ${label(name)}<br>${label(reason)}`),
    yaxis: "y3", mode: "markers", hoverinfo: "text",
    marker: { symbol: seen.map(([, name]) => EVENTS[name] || "pentagon"), size: 10, color: colour.event },
  };
}

// A dotted line through all parts for each event, as long as these are few enough to be told apart.
function marks(view, colour) {
  const seen = told.events.filter(([at]) => at >= view.from && at <= view.to);
  if (seen.length > 60) return [];
  const dotted = { color: colour.event, width: 1, dash: "dot" };
  return seen.map(([at]) => ({ type: "line", x0: shown(at), x1: shown(at), y0: 0, y1: 1, yref: "paper", line: dotted }));
}
