"use strict";

// The positions of tables and references in a drawing: parents on the left, children on the right, as layers. A reference
// that passes a layer has a place between the tables of the layer, so that no line crosses a table.

const SIZE = { height: 46, gap: 16, passage: 12, between: 84, letter: 8.4, margin: 12, loop: 12, least: 104, most: 236 };
const LOOSE_PER_ROW = 5;

// tables: [{name, detail, foreign_keys}]. Returns {width, height, boxes: [{name, x, y, width, height}], lines: [{child,
// parent, points, enforced, columns}]}; a line's points alternate between the sides of layers, from the child to the parent.
function layout(tables) {
  const names = new Set(tables.map((table) => table.name));
  const lines = pairs(tables, names);
  const linked = new Set(lines.filter((line) => line.child !== line.parent).flatMap((line) => [line.child, line.parent]));
  const ranks = layerNumbers(tables.filter((table) => linked.has(table.name)), lines);
  const layers = layered(tables, ranks, lines);
  order(layers);
  place(layers);
  const sizes = new Map(tables.map((table) => [table.name, widthOf(table)]));
  const drawn = positions(layers, sizes);
  const loose = tables.filter((table) => !linked.has(table.name));
  const boxes = [...drawn.boxes, ...grid(loose, sizes, drawn.height)];
  const byName = new Map(boxes.map((box) => [box.name, box]));
  attach(lines, byName);
  const far = (side, size) => Math.max(0, ...boxes.map((box) => box[side] + box[size])) + SIZE.margin;
  const shown = lines.map(({ child, parent, enforced, columns, points }) => ({ child, parent, enforced, columns, points }));
  return { width: far("x", "width"), height: Math.max(far("y", "height"), drawn.height + SIZE.margin), boxes, lines: shown };
}

function widthOf(table) {
  const letters = Math.max(table.name.length * SIZE.letter, (table.detail || "").length * 6.2);
  return Math.min(SIZE.most, Math.max(SIZE.least, letters + 24));
}

// One line for each pair of tables, with the columns of all its references.
function pairs(tables, names) {
  const found = new Map();
  for (const table of tables) {
    for (const key of table.foreign_keys) {
      if (!names.has(key.table)) continue;
      const id = JSON.stringify([table.name, key.table]);
      const line = found.get(id) || { child: table.name, parent: key.table, enforced: false, columns: [], points: [] };
      line.enforced = line.enforced || key.enforced !== false;
      line.columns.push(key.columns.join(", "));
      found.set(id, line);
    }
  }
  return [...found.values()];
}

// The longest way to a table without parents. A reference that closes a circle counts for nothing.
function layerNumbers(tables, lines) {
  const parents = new Map(tables.map((table) => [table.name, []]));
  for (const line of lines) if (line.child !== line.parent) parents.get(line.child).push(line.parent);
  const ranks = new Map();
  const open = new Set();
  const visit = (name) => {
    if (ranks.has(name)) return ranks.get(name);
    open.add(name);
    const above = parents.get(name).filter((parent) => !open.has(parent)).map(visit);
    open.delete(name);
    ranks.set(name, above.length ? Math.max(...above) + 1 : 0);
    return ranks.get(name);
  };
  for (const table of tables) visit(table.name);
  return ranks;
}

// The nodes of each layer: tables, and passages of lines that continue to another layer.
function layered(tables, ranks, lines) {
  const layers = [];
  const add = (rank, node) => {
    while (layers.length <= rank) layers.push([]);
    layers[rank].push(node);
    return node;
  };
  const nodes = new Map();
  for (const table of tables) {
    if (ranks.has(table.name)) nodes.set(table.name, add(ranks.get(table.name), { name: table.name, size: SIZE.height, beside: [] }));
  }
  for (const line of lines) {
    if (line.child === line.parent) continue;
    const [low, high] = [line.parent, line.child].sort((a, b) => ranks.get(a) - ranks.get(b));
    line.passages = [];
    let last = nodes.get(low);
    for (let rank = ranks.get(low) + 1; rank < ranks.get(high); rank++) {
      const passage = add(rank, { line, size: SIZE.passage, beside: [] });
      line.passages.push(passage);
      last = connect(last, passage);
    }
    connect(last, nodes.get(high));
  }
  return layers;
}

function connect(one, other) {
  one.beside.push(other);
  other.beside.push(one);
  return other;
}

// Few crossings: each layer is sorted by the mean position of the neighbours, from both ends in turn.
function order(layers) {
  layers.forEach((layer) => layer.forEach((node, i) => (node.at = i)));
  for (let turn = 0; turn < 12; turn++) {
    const inOrder = turn % 2 ? [...layers].reverse() : layers;
    for (const layer of inOrder) {
      for (const node of layer) node.target = node.beside.length ? mean(node.beside.map((other) => other.at)) : node.at;
      layer.sort((a, b) => a.target - b.target);
      layer.forEach((node, i) => (node.at = i));
    }
  }
}

function mean(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

// The vertical centres: near the neighbours', in the layer's order, without overlaps.
function place(layers) {
  for (const layer of layers) spread(layer, layer.map((_, i) => i * (SIZE.height + SIZE.gap)));
  for (let turn = 0; turn < 8; turn++) {
    for (const layer of turn % 2 ? [...layers].reverse() : layers) {
      spread(layer, layer.map((node) => (node.beside.length ? mean(node.beside.map((other) => other.y)) : node.y)));
    }
  }
  const top = Math.min(...layers.flat().map((node) => node.y - node.size / 2));
  for (const node of layers.flat()) node.y += SIZE.margin + SIZE.loop - top;
}

function spread(layer, target) {
  const down = () => layer.forEach((node, i) => {
    if (i) node.y = Math.max(node.y, layer[i - 1].y + (layer[i - 1].size + node.size) / 2 + SIZE.gap);
  });
  layer.forEach((node, i) => (node.y = target[i]));
  down();
  const error = mean(layer.map((node, i) => node.y - target[i]));
  layer.forEach((node) => (node.y -= error));
}

function positions(layers, sizes) {
  const boxes = [];
  let x = SIZE.margin;
  for (const layer of layers) {
    const width = Math.max(SIZE.least, ...layer.map((node) => sizes.get(node.name) || 0));
    for (const node of layer) {
      node.left = x;
      node.right = x + width;
      if (node.name) boxes.push({ name: node.name, x, y: node.y - SIZE.height / 2, width, height: SIZE.height });
    }
    x += width + SIZE.between;
  }
  return { boxes, height: Math.max(0, ...layers.flat().map((node) => node.y + node.size / 2)) };
}

// Tables without references, in rows below the others.
function grid(tables, sizes, above) {
  const width = Math.max(SIZE.least, ...tables.map((table) => sizes.get(table.name)));
  const top = above ? above + SIZE.gap * 2 : SIZE.margin;
  return tables.map((table, i) => ({
    name: table.name,
    x: SIZE.margin + (i % LOOSE_PER_ROW) * (width + SIZE.gap),
    y: top + Math.floor(i / LOOSE_PER_ROW) * (SIZE.height + SIZE.gap),
    width,
    height: SIZE.height,
  }));
}

// The ends of lines, distributed over the sides of the boxes in the order of the other ends.
function attach(lines, boxes) {
  const ends = new Map();
  const end = (line, name, side, other) => {
    const id = name + "\n" + side;
    if (!ends.has(id)) ends.set(id, []);
    ends.get(id).push({ line, name, side, other });
  };
  for (const line of lines.filter((line) => line.child !== line.parent)) {
    const [child, parent] = [boxes.get(line.child), boxes.get(line.parent)];
    const rightwards = child.x < parent.x;
    const middle = (line.passages || []).map((node) => node.y);
    const near = rightwards ? middle : [...middle].reverse();
    end(line, line.child, rightwards ? "right" : "left", near.length ? near[0] : parent.y);
    end(line, line.parent, rightwards ? "left" : "right", near.length ? near[near.length - 1] : child.y);
  }
  for (const there of ends.values()) {
    there.sort((a, b) => a.other - b.other);
    there.forEach((one, i) => {
      const box = boxes.get(one.name);
      one.line[one.name === one.line.child ? "start" : "stop"] = {
        x: one.side === "left" ? box.x : box.x + box.width,
        y: box.y + (box.height * (i + 1)) / (there.length + 1),
      };
    });
  }
  for (const line of lines) line.points = points(line, boxes);
}

function points(line, boxes) {
  if (line.child === line.parent) {
    const box = boxes.get(line.child);
    const right = box.x + box.width;
    return [{ x: right - 40, y: box.y }, { x: right - 16, y: box.y }];
  }
  const rightwards = line.start.x < line.stop.x;
  const passages = rightwards ? line.passages : [...line.passages].reverse();
  const through = passages.flatMap((node) => {
    const sides = [{ x: node.left, y: node.y }, { x: node.right, y: node.y }];
    return rightwards ? sides : sides.reverse();
  });
  return [line.start, ...through, line.stop];
}
