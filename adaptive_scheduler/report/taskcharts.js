// The charts of one task, and the two maps.

const FEW = 600; // so many dots are told apart; more are drawn as an envelope
const CROWD = 60; // more signs than this are smaller

const unitOf = (seconds) =>
    [
        ["d", 172800, 86400],
        ["h", 7200, 3600],
        ["min", 120, 60],
        ["s", 0, 1],
    ].find(([, least]) => seconds >= least);

// Values of the runs over time: dots, or an envelope where they are many; what was not as it should be stands out.
function runDots(task, values, view, pixel, unit, yaxis, colour, name, most) {
    const first = placeOf(task.at, view.from),
        last = placeOf(task.at, view.to),
        drawn = [];
    const capped = Float64Array.from(values, (value) => Math.min(value, most) / unit);
    const say = (value) => words(value * unit);
    const dots = (places, marker) => ({
        x: places.map((place) => shown(task.at[place])),
        y: places.map((place) => capped[place]),
        text: places.map((place) => {
            const odd = task.odd.get(place),
                note = odd && odd.note ? `<br>${label(odd.note)}` : "";
            return `${clock(task.at[place])}: ${told.statuses[task.status[place]]}<br>${name} ${words(values[place])}${note}`;
        }),
        yaxis,
        mode: "markers",
        cliponaxis: false,
        hoverinfo: "text",
        marker,
    });
    const places = [];
    for (let place = first; place < last; place++) if (!Number.isNaN(values[place])) places.push(place);
    if (places.length > FEW)
        drawn.push(
            ...line(envelope(task.at, capped, view.from, view.to, pixel * 3, Infinity), colour.ok, name, yaxis, say),
        );
    else drawn.push(dots(places, { size: 5, color: colour.ok }));
    if (yaxis === "y") return drawn;
    const odd = [...task.odd.keys()].filter((place) => place >= first && place < last);
    const unusual = odd.filter((place) => task.odd.get(place).unusual),
        size = odd.length > CROWD ? 6 : 9;
    drawn.push(dots(unusual, { size: size + 2, symbol: "circle-open", color: colour.warning, line: { width: 2 } }));
    told.statuses.forEach((status, number) => {
        const mine = odd.filter((place) => task.status[place] === number && status !== "ok");
        if (mine.length) drawn.push(dots(mine, { size, symbol: SYMBOLS[status], color: colour[status] }));
    });
    return drawn;
}

function drawTask(task, view) {
    const element = document.getElementById("task-chart");
    if (!element || !task) return;
    const colour = colours(),
        pixel = (view.to - view.from) / Math.max(100, element.clientWidth - 70);
    const beats = task.interval !== null,
        traces = [];
    const { domains, all } = stacked([beats ? 130 : 1, 150], 34);
    const headings = [];
    let interval = {};
    if (beats) {
        const [unit, , size] = unitOf(task.interval),
            most = 2.2 * task.interval;
        const asked = Float64Array.from(samples.step, (step) => (task.interval * task.ages[step]) / size);
        const gaps = Float64Array.from(task.at, (at, place) => (place ? at - task.at[place - 1] : NaN));
        traces.push(...runDots(task, gaps, view, pixel, size, "y", colour, "after", most));
        const law = envelope(samples.at, asked, view.from, view.to, pixel, GAP);
        traces.push(...line(law, colour.cpu, "interval", "y", (value) => words(value * size), { band: false }));
        const rule = task.rhythm === "learned" ? "the classic rule would ask (learned is in force)" : "the load asks";
        headings.push(heading(`<b>Interval</b> ${rule}, and between starts, ${unit}`, domains[0][1], colour));
        interval = { range: [0, most / size] };
    }
    let longest = 0.1;
    for (let place = placeOf(task.at, view.from), last = placeOf(task.at, view.to); place < last; place++)
        longest = Math.max(longest, task.seconds[place]);
    const [unit, , size] = unitOf(longest),
        band = { x: [], mean: [], low: [], high: [] };
    task.usual.at.forEach((at, place) => {
        band.x.push(at);
        band.mean.push(0);
        band.low.push(task.usual.low[place] / size);
        band.high.push(task.usual.high[place] / size);
    });
    const usual = outline(band);
    traces.push({
        x: shownAll(usual.x),
        y: usual.y,
        yaxis: "y2",
        mode: "lines",
        fill: "toself",
        fillcolor: faint(colour.memory, 0.25),
        line: { width: 1, color: colour.memory },
        hoverinfo: "skip",
    });
    traces.push(...runDots(task, task.seconds, view, pixel, size, "y2", colour, "took", Infinity));
    headings.push(heading(`<b>Duration</b>, ${unit}`, domains[1][1], colour));
    const shape = layout(element, colour, all + 70, {
        margin: { l: 48, r: 12, t: 26, b: 44 },
        xaxis: timeAxis(colour, view, { anchor: "y2" }),
        yaxis: axis(colour, { domain: domains[0], visible: beats, ...interval }),
        yaxis2: axis(colour, { domain: domains[1], range: [0, (1.1 * longest) / size] }),
        annotations: headings,
    });
    Plotly.react(element, traces, shape, CONFIG);
}

// More load stands out more, in both themes.
function heatmap(element, heat, more) {
    const colour = colours(),
        narrow = element.clientWidth < 640;
    const scale = [
        [0, mixed(colour.paper, colour.cpu, 0.04)],
        [1, colour.cpu],
    ];
    const trace = {
        type: "heatmap",
        colorscale: scale,
        showscale: false,
        zmin: 0,
        hoverinfo: "text",
        hoverongaps: false,
        ...heat,
    };
    const shape = layout(element, colour, narrow ? 260 : 290, {
        margin: { l: narrow ? 40 : 84, r: 8, t: 8, b: 42 },
        dragmode: false,
        xaxis: axis(colour, { showgrid: false, ticks: "", ...more.xaxis }),
        yaxis: axis(colour, { showgrid: false, ticks: "", ...more.yaxis }),
    });
    Plotly.react(element, [trace], shape, CONFIG);
    document.getElementById(`${element.id}-most`).textContent = `${heat.zmax} %${more.beyond || ""}`;
}

function drawWeek(what) {
    const element = document.getElementById("week-chart");
    if (!element) return;
    const names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    const wide = element.clientWidth >= 760,
        values = told.week[what],
        hours = [...Array(24).keys()];
    const z = names.map((_, day) => values.slice(24 * day, 24 * day + 24));
    const hover = z.map((row, day) =>
        row.map((value, hour) =>
            value === null ? "" : `${names[day]}, ${hour}:00 to ${hour + 1}:00<br>${percent(value)}`,
        ),
    );
    const most = Math.max(10, 10 * Math.ceil(Math.max(...values.map((value) => value || 0)) / 10));
    const inside = wide ? { texttemplate: "%{z:.0f}", textfont: { size: 11 } } : {};
    const heat = {
        z,
        x: hours,
        y: names.map((one) => (wide ? one : one.slice(0, 3))),
        zmax: most,
        xgap: 1,
        ygap: 1,
        text: hover,
        ...inside,
    };
    heatmap(element, heat, {
        xaxis: { tickvals: hours.filter((hour) => hour % 3 === 0), title: { text: "local hour" } },
        yaxis: { autorange: "reversed" },
    });
}

function drawCeilings(place) {
    const element = document.getElementById("ceiling-chart"),
        one = told.ceilings[place];
    if (!element || !one) return;
    const flat = bytes(one.z),
        hours = [...Array(one.slots).keys()].map((slot) => (24 * slot) / one.slots);
    const z = one.ages.map((_, row) => Array.from(flat.subarray(row * one.slots, (row + 1) * one.slots)));
    const time = (hour) =>
        `${String(Math.floor(hour)).padStart(2, "0")}:${String(Math.round((hour % 1) * 60)).padStart(2, "0")}`;
    const means = (value) => (value === 0 ? "never" : value > 100 ? "at any load" : `CPU up to ${value} %`);
    const text = z.map((row, age) =>
        row.map((value, slot) => `${time(hours[slot])}, ${one.ages[age]} intervals old<br>${means(value)}`),
    );
    const ticks = hours.filter((hour) => hour % 3 === 0);
    const most = Math.max(10, 10 * Math.ceil(Math.max(...flat.filter((value) => value <= 100)) / 10));
    heatmap(
        element,
        { z, x: hours, y: one.ages, zmax: most, text },
        {
            xaxis: { tickvals: ticks, ticktext: ticks.map(time), title: { text: "local time" } },
            yaxis: { title: { text: "age" } },
            beyond: ", or any load",
        },
    );
}
