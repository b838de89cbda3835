"use strict";
// Level of detail: packed columns -> what is worth drawing at the visible range. packed.py is the other half.

const UNKNOWN = 0xffff,
    PER_E = 3000,
    HUNDREDTHS = 100;

function bytes(text) {
    const raw = atob(text),
        found = new Uint8Array(raw.length);
    for (let place = 0; place < raw.length; place++) found[place] = raw.charCodeAt(place);
    return found;
}

const cells = (text) => new Uint16Array(bytes(text).buffer);

// Steps from one moment to the next, and jumps where a step was too long -> seconds since the beginning.
function moments(packed) {
    const steps = cells(packed.steps),
        jumps = new Map(packed.jumps),
        found = new Float64Array(steps.length);
    let at = 0;
    for (let place = 0; place < steps.length; place++) {
        at += steps[place] + (jumps.get(place) || 0);
        found[place] = at;
    }
    return found;
}

const durations = (text) => Float64Array.from(cells(text), (value) => Math.expm1(value / PER_E));

const percents = (text) => Float64Array.from(cells(text), (value) => (value === UNKNOWN ? NaN : value / HUNDREDTHS));

// The first place whose moment is not before `moment`.
function placeOf(at, moment) {
    let low = 0,
        high = at.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (at[middle] < moment) low = middle + 1;
        else high = middle;
    }
    return low;
}

// Values over time -> one point for each pixel, with the lowest and the highest value there; the values themselves
// where they are few. A gap longer than `gap` breaks the line, and so does what is not known (NaN).
function envelope(at, values, from, to, pixel, gap) {
    const first = Math.max(0, placeOf(at, from) - 1),
        last = Math.min(at.length, placeOf(at, to) + 1);
    const found = { x: [], mean: [], low: [], high: [], merged: false };
    const add = (x, mean, low, high) => {
        found.x.push(x);
        found.mean.push(mean);
        found.low.push(low);
        found.high.push(high);
    };
    let bucket = null,
        count = 0,
        sum = 0,
        low = 0,
        high = 0,
        before = null;
    const close = () => {
        if (count) add(bucket === null ? before : (bucket + 0.5) * pixel, sum / count, low, high);
        if (count > 1) found.merged = true;
        count = 0;
    };
    const few = last - first <= (to - from) / pixel;
    for (let place = first; place < last; place++) {
        const value = values[place];
        if (Number.isNaN(value)) continue;
        if (before !== null && at[place] - before > gap) {
            close();
            add(before + 1, null, null, null);
        }
        const mine = few ? null : Math.floor(at[place] / pixel);
        if (few || mine !== bucket) close();
        if (!count) {
            bucket = mine;
            sum = 0;
            low = high = value;
        }
        count += 1;
        sum += value;
        low = Math.min(low, value);
        high = Math.max(high, value);
        before = at[place];
    }
    close();
    return found;
}

// The outlines of an envelope, one closed shape between two gaps.
function outline(found) {
    const x = [],
        y = [];
    let begin = 0;
    for (let place = 0; place <= found.x.length; place++) {
        if (place < found.x.length && found.mean[place] !== null) continue;
        for (let next = begin; next < place; next++) (x.push(found.x[next]), y.push(found.high[next]));
        for (let next = place - 1; next >= begin; next--) (x.push(found.x[next]), y.push(found.low[next]));
        x.push(null);
        y.push(null);
        begin = place + 1;
    }
    return { x, y };
}

// The runs of a task -> blocks that are two pixels long at least: runs of one status closer than a pixel are one block.
function blocks(task, from, to, pixel) {
    const found = [],
        open = new Map();
    const last = placeOf(task.at, to);
    for (let place = placeOf(task.at, from - task.longest); place < last; place++) {
        const start = task.at[place],
            end = start + task.seconds[place],
            status = task.status[place];
        if (end < from) continue;
        const block = open.get(status);
        if (block && start <= block.end + pixel) {
            block.end = Math.max(block.end, end);
            block.count += 1;
            block.last = place;
            continue;
        }
        const fresh = { status, start, end: Math.max(end, start + 2 * pixel), count: 1, first: place, last: place };
        open.set(status, fresh);
        found.push(fresh);
    }
    return found;
}
