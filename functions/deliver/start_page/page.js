"use strict";

// The key stays in this page. It is not stored, and it is sent to this API only.
const base = document.getElementById("page").dataset.base;
const note = document.getElementById("note");
const shown = document.getElementById("datasets");

document.getElementById("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  report("Loading …");
  try {
    const quality = await get("quality?window=" + document.getElementById("window").value);
    const tables = await Promise.all(quality.data.map((d) => get("tables?dataset=" + d.dataset)));
    shown.replaceChildren(...quality.data.map((dataset, i) => section(dataset, tables[i].data)));
    report("");
  } catch (error) {
    shown.replaceChildren();
    report(error.message, true);
  }
});

function report(text, bad = false) {
  note.textContent = text;
  note.className = bad ? "bad" : "";
}

async function get(path) {
  const key = document.getElementById("key").value.trim();
  const answer = await fetch(base + path, { headers: { "x-api-key": key, accept: "application/json" } });
  const document_ = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(document_.detail || "The API answered " + answer.status + ".");
  return document_;
}

function element(name, text = "", className = "", ...children) {
  const made = document.createElement(name);
  if (text !== "") made.textContent = text;
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function section(dataset, tables) {
  const counted = new Map(tables.map((table) => [table.name, table]));
  const score = element("div", "", "score", element("b", percent(dataset.window.score), grade(dataset, dataset.window.score)));
  score.append(element("small", "threshold " + percent(dataset.threshold) + " · " + number(dataset.window.read) + " records read"));
  const about = element("div", "", "", element("h2", dataset.dataset), element("p", dataset.description.replaceAll("``", ""), "about"));
  const head = element("div", "", "head", about, score);
  const table = element("table", "", "", element("thead", "", "", row("th", "Table", "Rows", "Score", "Over all", "Rejected", "Last read", "Trend")));
  table.append(element("tbody", "", "", ...dataset.tables.map((t) => tableRow(t, counted.get(t.table)))));
  return element("section", "", "", head, chart(dataset, 640, 90), table, picture(dataset.dataset, tables));
}

function tableRow(quality, table) {
  const made = row(
    "td",
    quality.table,
    (table.row_count_exact ? "" : "about ") + number(table.row_count),
    percent(quality.window.score),
    percent(quality.score),
    number(quality.window.rejected),
    (quality.freshness.last_read_at || "never").replace("T", " ").replace("Z", ""),
  );
  made.children[2].className = grade(quality, quality.window.score);
  made.children[3].className = grade(quality, quality.score);
  made.children[4].title = worst(quality);
  made.append(element("td", "", "", chart(quality, 120, 24)));
  return made;
}

function row(cell, ...texts) {
  return element("tr", "", "", ...texts.map((text) => element(cell, text)));
}

function worst(quality) {
  const broken = quality.rules.filter((rule) => rule.failed).sort((a, b) => b.failed - a.failed);
  return broken.map((rule) => rule.rule + " " + (rule.column || "record") + ": " + number(rule.failed)).join("\n");
}

function grade(quality, score) {
  return score === null ? "none" : score < quality.threshold ? "bad" : "good";
}

// Scores are rounded down.
function percent(score) {
  return score === null ? "–" : (Math.floor(score * 10000 + 1e-9) / 100).toFixed(2) + " %";
}

function number(value) {
  return value.toLocaleString("en");
}

function shape(name, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

// The scores of the window as a line. The axis runs from just below the lowest score or the threshold to 100 %.
function chart(quality, width, height) {
  const points = quality.trend.filter((point) => point.score !== null);
  const label = points.length ? points.length + " points, last " + percent(points[points.length - 1].score) : "nothing read";
  const svg = shape("svg", { width, height, viewBox: "0 0 " + width + " " + height, role: "img", "aria-label": (quality.table || quality.dataset) + ", trend: " + label });
  if (!points.length) return element("span", "–", "none");
  const floor = Math.min(quality.threshold, ...points.map((point) => point.score)) - 0.01;
  const times = points.map((point) => Date.parse(point.at));
  const span = Math.max(times[times.length - 1] - times[0], 1);
  const x = (i) => (points.length === 1 ? width / 2 : 5 + ((width - 10) * (times[i] - times[0])) / span);
  const y = (score) => 5 + ((height - 10) * (1 - score)) / (1 - floor);
  svg.append(shape("line", { class: "threshold", x1: 0, x2: width, y1: y(quality.threshold), y2: y(quality.threshold) }));
  svg.append(shape("polyline", { class: "line", points: points.map((point, i) => x(i) + "," + y(point.score)).join(" ") }));
  points.forEach((point, i) => {
    const dot = shape("circle", { class: "dot " + grade(quality, point.score), cx: x(i), cy: y(point.score), r: height > 40 ? 4 : 2.5 });
    dot.append(shape("title", {}, point.at + ": " + percent(point.score) + " of " + number(point.read)));
    svg.append(dot);
  });
  return svg;
}
