// Wiring: one range for all charts over time, buttons, choices, theme, print.

const DAY = 86400,
    SHORTEST = 600;
const view = { from: Math.max(0, length - 7 * DAY), to: length };
const find = (ident) => document.getElementById(ident);
const chosen = { task: 0, what: "cpu", lesson: 0 };

function drawOverTime() {
    drawTimeline(view);
    drawTask(tasks[chosen.task], view);
}

function drawAll() {
    drawOverTime();
    drawWeek(chosen.what);
    drawCeilings(chosen.lesson);
}

let wanted = null;
function soon(draw) {
    if (wanted) wanted = draw === wanted ? draw : drawAll;
    else {
        wanted = draw;
        requestAnimationFrame(() => {
            const now = wanted;
            wanted = null;
            now();
        });
    }
}

function setRange(from, to) {
    const span = Math.min(length, Math.max(SHORTEST, to - from));
    view.to = Math.min(length, Math.max(span, to));
    view.from = Math.max(0, view.to - span);
    tellRange();
    soon(drawOverTime);
}

function tellRange() {
    const where = find("where");
    if (!where) return;
    where.textContent = `${clock(view.from)} to ${clock(view.to)}`;
    const span = view.to - view.from,
        all = span > length - 1;
    for (const button of document.querySelectorAll("[data-range]")) {
        const days = button.dataset.range,
            mine = days === "all" ? all : !all && Math.abs(span - days * DAY) < 1;
        button.setAttribute("aria-pressed", String(mine && view.to === length));
    }
}

const MOVES = { earlier: -1, later: 1 };

for (const button of document.querySelectorAll("[data-range]"))
    button.addEventListener("click", () => {
        const days = button.dataset.range;
        setRange(days === "all" ? 0 : length - days * DAY, length);
    });
for (const button of document.querySelectorAll("[data-move]"))
    button.addEventListener("click", () => {
        const by = MOVES[button.dataset.move] * (view.to - view.from);
        setRange(view.from + by, view.to + by);
    });

const moment = (value) =>
    (typeof value === "number" ? value : Date.parse(`${String(value).replace(" ", "T")}Z`)) / 1000 -
    told.begin -
    told.offset;

// What was dragged in one chart moves the other one too.
function follow(ident) {
    const element = find(ident);
    if (!element || !element.on) return;
    element.on("plotly_relayout", (change) => {
        const [from, to] = change["xaxis.range"] || [change["xaxis.range[0]"], change["xaxis.range[1]"]];
        if (from !== undefined && to !== undefined) setRange(moment(from), moment(to));
    });
    element.on("plotly_doubleclick", () => setRange(0, length));
}

function choose(ident, set) {
    const control = find(ident);
    if (!control) return;
    control.addEventListener("change", () => set(control.value));
}

function showTask(place) {
    chosen.task = Number(place);
    document.querySelectorAll("section.task").forEach((one, number) => (one.hidden = number !== chosen.task));
    drawTask(tasks[chosen.task], view);
}

choose("task", showTask);
choose("what", (what) => drawWeek((chosen.what = what)));
choose("lesson", (place) => drawCeilings((chosen.lesson = Number(place))));

const root = document.documentElement;
find("theme").addEventListener("click", () => {
    const dark = root.dataset.theme
        ? root.dataset.theme === "dark"
        : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    drawAll();
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
matchMedia("print").addEventListener("change", drawAll);
// A browser prints what is there: the charts are made as wide as paper before, and as before afterwards.
addEventListener("beforeprint", () => {
    root.classList.add("on-paper");
    drawAll();
});
addEventListener("afterprint", () => {
    root.classList.remove("on-paper");
    drawAll();
});

let width = root.clientWidth;
addEventListener("resize", () => {
    if (root.clientWidth === width) return;
    width = root.clientWidth;
    soon(drawAll);
});

root.classList.add("scripted");
showTask(0);
tellRange();
drawAll();
follow("timeline");
follow("task-chart");
