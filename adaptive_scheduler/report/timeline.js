// The chart over time: load, memory, runs and events.

const SEVERITY = ["running", "warning", "lost", "interrupted", "timeout", "failed", "error"];
const SIGN_WIDTH = 12; // pixels
const EVENTS = { cpu_spike: "triangle-up", memory_leak: "circle", high_latency: "diamond", missed_cycles: "square" };

function drawTimeline(view) {
    const element = document.getElementById("timeline");
    if (!element) return;
    const colour = colours(),
        narrow = element.clientWidth < 640,
        rows = shownTasks.length + 1;
    const left = narrow
        ? 92
        : Math.min(190, 28 + 7 * Math.max(6, ...shownTasks.map((one) => Math.min(24, one.name.length))));
    const { domains, all } = stacked([narrow ? 130 : 170, narrow ? 80 : 100, rows * 22 + 4], 34);
    const pixel = (view.to - view.from) / Math.max(100, element.clientWidth - left - 12),
        spare = (view.to - view.from) / 2;
    const from = Math.max(0, view.from - spare),
        to = Math.min(length, view.to + spare);
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
            domain: domains[2],
            range: [rows - 0.5, -0.5],
            tickvals: [...Array(rows).keys()],
            ticks: "",
            ticktext: ["events", ...shownTasks.map((one) => short(one.name, size))],
        }),
        annotations: titles.map((text, place) => heading(text, domains[place][1], colour)),
        shapes: marks(view, colour),
    });
    Plotly.react(element, traces, shape, CONFIG);
}

function blockText(task, block) {
    const status = told.statuses[block.status],
        begin = clock(block.start);
    if (block.count > 1)
        return `${label(task.name)}<br>${block.count} runs: ${status}<br>${begin} to ${clock(block.end)}`;
    const odd = task.odd.get(block.first),
        note = odd && odd.note ? `<br>${label(odd.note)}` : "";
    return `${label(task.name)}<br>${begin}: ${status}, ${words(task.seconds[block.first])}${note}`;
}

// Bars are thick lines: one path a status, however many runs. What was not ok has a sign of its own on top.
function gantt(from, to, pixel, colour) {
    const bars = told.statuses.map(() => ({ x: [], y: [], text: [] })),
        signs = [];
    shownTasks.forEach((task, row) => {
        const found = blocks(task, from, to, pixel);
        for (const block of found) {
            const bar = bars[block.status],
                text = blockText(task, block);
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
        if (bar.x.length)
            drawn.push({ ...bar, yaxis: "y3", mode: "lines", hoverinfo: "text", line: { color: tint, width: 11 } });
    });
    const edge = { color: colour.paper, width: 1 };
    const names = signs.map((sign) => told.statuses[sign.status]);
    const marker = {
        symbol: names.map((name) => SYMBOLS[name]),
        color: names.map((name) => colour[name]),
        size: 11,
        line: edge,
    };
    drawn.push({
        x: signs.map((sign) => shown(sign.at)),
        y: signs.map((sign) => sign.row),
        text: signs.map((sign) => sign.text),
        yaxis: "y3",
        mode: "markers",
        cliponaxis: false,
        hoverinfo: "text",
        marker,
    });
    return drawn;
}

// One sign for what stands closer together than a sign is wide: that of the worst status.
function worst(found, pixel) {
    const signs = [];
    for (const block of found
        .filter((one) => told.statuses[one.status] !== "ok")
        .sort((one, other) => one.start - other.start)) {
        const before = signs[signs.length - 1],
            at = (block.start + block.end) / 2;
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
    const counts = new Map(),
        last = sign.all[sign.all.length - 1];
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
        yaxis: "y3",
        mode: "markers",
        cliponaxis: false,
        hoverinfo: "text",
        marker: { symbol: seen.map(([, name]) => EVENTS[name] || "pentagon"), size: 10, color: colour.event },
    };
}

// A dotted line through all parts for each event, as long as these are few enough to be told apart.
function marks(view, colour) {
    const seen = told.events.filter(([at]) => at >= view.from && at <= view.to);
    if (seen.length > 60) return [];
    const dotted = { color: colour.event, width: 1, dash: "dot" };
    return seen.map(([at]) => ({
        type: "line",
        x0: shown(at),
        x1: shown(at),
        y0: 0,
        y1: 1,
        yref: "paper",
        line: dotted,
    }));
}
