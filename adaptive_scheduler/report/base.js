// What all charts share: the numbers of the page, words, colours, axes, lines. What others wrote goes through `label`.

const told = JSON.parse(document.getElementById("data").textContent);
const samples = {
    at: moments(told.samples.at),
    cpu: percents(told.samples.cpu),
    foreign: percents(told.samples.foreign),
    memory: percents(told.samples.memory),
    step: bytes(told.samples.step),
};
const tasks = told.tasks.map((one) => {
    const at = moments(one.at),
        seconds = durations(one.seconds),
        status = new Uint8Array(at.length),
        odd = new Map();
    for (const [place, number, unusual, note] of one.odd) {
        status[place] = number;
        odd.set(place, { unusual, note });
    }
    const usual = { at: moments(one.usual.at), low: durations(one.usual.low), high: durations(one.usual.high) };
    return {
        ...one,
        at,
        seconds,
        status,
        odd,
        usual,
        longest: seconds.reduce((most, value) => Math.max(most, value), 0),
    };
});
const shownTasks = told.rows.map((place) => tasks[place]);
const length = told.end - told.begin;
const GAP = 2.5 * told.tick;
const CONFIG = { displayModeBar: false, doubleClick: false, responsive: false, showTips: false };
const SYMBOLS = {
    ok: "circle",
    warning: "triangle-up",
    failed: "x",
    timeout: "hourglass",
    interrupted: "square",
    lost: "pentagon",
    error: "star",
    running: "circle",
};
const SPARSE = 30; // a line of so few points shows each of them
const NAMES = ["ink", "quiet", "grid", "paper", "cpu", "foreign", "memory", "event", ...Object.keys(SYMBOLS)];

// plotly obeys some HTML in its labels; what others wrote is shown.
const label = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const short = (text, most) => label(text.length > most ? text.slice(0, most - 1) + "\u2026" : text);

// The colours of the present theme, as plotly can read them.
function colours() {
    const probe = document.body.appendChild(document.createElement("i")),
        found = {};
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
    for (const [unit, size, next] of [
        ["s", 1, 100],
        ["min", 60, 5940],
        ["h", 3600, 172800],
    ])
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
    gridcolor: colour.grid,
    zeroline: false,
    linecolor: colour.grid,
    tickcolor: colour.grid,
    fixedrange: true,
    ...more,
});

const timeAxis = (colour, view, more) =>
    axis(colour, {
        type: "date",
        range: [shown(view.from), shown(view.to)],
        fixedrange: false,
        showspikes: true,
        spikemode: "across",
        spikesnap: "cursor",
        spikethickness: 1,
        spikedash: "dot",
        spikecolor: colour.quiet,
        ...more,
    });

const heading = (text, y, colour) => ({
    text,
    x: 0,
    y,
    xref: "paper",
    yref: "paper",
    xanchor: "left",
    yanchor: "bottom",
    showarrow: false,
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
        x: shownAll(x),
        y,
        yaxis,
        mode: "lines",
        fill: "toself",
        fillcolor: faint(colour, area ? 0.3 : 0.2),
        line: { width: 0 },
        hoverinfo: "skip",
    };
    // A single sample makes no line.
    const mode = found.x.length > SPARSE ? "lines" : "lines+markers",
        dot = { size: 5, color: colour };
    const middle = { x: shownAll(found.x), y: found.mean, yaxis, mode, text, hoverinfo: "text", name };
    const drawn = { ...middle, marker: dot, cliponaxis: false, line: { color: colour, width: area ? 0.8 : 1.4 } };
    return area || (banded && found.merged) ? [band, drawn] : [drawn];
}

// Where the parts of a chart stand, from top to bottom: heights in pixels -> domains of the y axes.
function stacked(heights, space) {
    const all = heights.reduce((sum, one) => sum + one, 0) + space * (heights.length - 1),
        found = [];
    let top = all;
    for (const one of heights) {
        found.push([Math.max(0, (top - one) / all), top / all]);
        top -= one + space;
    }
    return { domains: found, all };
}

const percent = (value) => `${+value.toFixed(1)} %`;
