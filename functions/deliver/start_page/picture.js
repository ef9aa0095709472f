"use strict";

// The drawing of a dataset's tables and references. A table that has the focus, or the pointer, shows its references only.
function picture(dataset, tables) {
  const described = tables.map((table) => ({ ...table, detail: rowsOf(table) }));
  const { width, height, boxes, lines } = layout(described);
  const svg = shape("svg", { class: "picture", width, height, viewBox: "0 0 " + width + " " + height, role: "group", "aria-label": "Tables of " + dataset + " and their references" });
  const drawn = lines.map((line) => svg.appendChild(drawLine(line)));
  const byName = new Map(described.map((table) => [table.name, table]));
  for (const box of boxes) svg.append(drawBox(box, byName.get(box.name), lines, svg, drawn));
  const scroll = element("div", "", "scroll", svg);
  const made = element("details", "", "", element("summary", "Tables and references"), scroll, legend(lines), asText(tables));
  made.open = true;
  return made;
}

function rowsOf(table) {
  return (table.row_count_exact ? "" : "about ") + number(table.row_count) + (table.row_count === 1 ? " row" : " rows");
}

function drawLine(line) {
  const group = shape("g", { class: line.enforced ? "reference" : "reference loose" });
  group.append(shape("path", { d: curve(line) }), shape("path", { class: "head", d: arrow(line) }));
  group.append(shape("title", {}, line.columns.map((columns) => line.child + " (" + columns + ") → " + line.parent).join("\n")));
  return group;
}

// A curve between layers, and a straight line through one.
function curve(line) {
  const points = line.points;
  if (line.child === line.parent) {
    const [from, to] = points;
    return "M" + from.x + " " + from.y + " C" + from.x + " " + (from.y - 16) + " " + to.x + " " + (to.y - 16) + " " + to.x + " " + to.y;
  }
  return points.slice(1).reduce((path, point, i) => {
    const last = points[i];
    if (i % 2) return path + " L" + point.x + " " + point.y;
    const middle = (last.x + point.x) / 2;
    return path + " C" + middle + " " + last.y + " " + middle + " " + point.y + " " + point.x + " " + point.y;
  }, "M" + points[0].x + " " + points[0].y);
}

function arrow(line) {
  const [from, to] = line.points.slice(-2);
  const start = "M" + to.x + " " + to.y;
  if (line.child === line.parent) return start + " l-4 -7 h8 Z";
  return start + " l" + (from.x < to.x ? -7 : 7) + " -4 v8 Z";
}

function drawBox(box, table, lines, svg, drawn) {
  const group = shape("g", { class: "table", tabindex: 0, role: "img", "aria-label": spoken(table, lines) });
  const size = { x: box.x, y: box.y, width: box.width, height: box.height, rx: 6 };
  const letters = Math.floor((box.width - 20) / 8.2);
  const shown = table.name.length > letters ? table.name.slice(0, letters - 1) + "…" : table.name;
  group.append(
    shape("rect", size),
    shape("text", { class: "name", x: box.x + 11, y: box.y + 19 }, shown),
    shape("text", { class: "detail", x: box.x + 11, y: box.y + 36 }, table.detail),
    shape("title", {}, spoken(table, lines)),
  );
  const pick = (on) => {
    svg.classList.toggle("picked", on);
    lines.forEach((line, i) => drawn[i].classList.toggle("on", on && (line.child === box.name || line.parent === box.name)));
  };
  for (const [event, on] of [["focus", true], ["mouseenter", true], ["blur", false], ["mouseleave", false]]) {
    group.addEventListener(event, () => pick(on));
  }
  return group;
}

// A table in words, for screen readers and as a tooltip.
function spoken(table, lines) {
  const parts = [table.name + ", " + rowsOf(table), table.key.length ? "key: " + table.key.join(", ") : "no key"];
  const to = lines.filter((line) => line.child === table.name);
  const from = lines.filter((line) => line.parent === table.name && line.child !== table.name);
  if (to.length) parts.push("references " + to.map((line) => line.parent + " by " + line.columns.join(" and by ")).join("; "));
  if (from.length) parts.push("referenced by " + from.map((line) => line.child).join(", "));
  return parts.join(". ");
}

function legend(lines) {
  const loose = lines.some((line) => !line.enforced);
  const text = "An arrow points from a table to the one that it references." + (loose ? " A dashed reference is not enforced." : "");
  return element("p", lines.length ? text : "No table references another one.", "about");
}

function asText(tables) {
  const items = tables.flatMap((table) =>
    table.foreign_keys.map((key) =>
      element("li", table.name + " (" + key.columns.join(", ") + ") → " + key.table + " (" + key.parent_columns.join(", ") + ")" + (key.enforced ? "" : ", not enforced")),
    ),
  );
  if (!items.length) return element("span");
  return element("details", "", "", element("summary", "References as text"), element("ul", "", "", ...items));
}
