"""The drawing of tables and references on the start page: positions for any references, without overlaps."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.deliver.start_page import ASSETS

RUN = """
const fs = require("fs");
const vm = require("vm");
vm.runInThisContext(fs.readFileSync(process.argv[1], "utf-8"));
const graphs = JSON.parse(fs.readFileSync(0, "utf-8"));
console.log(JSON.stringify(graphs.map((tables) => vm.runInThisContext("layout")(tables))));
"""
Graph = list[list[int]]


def tables(graph: Graph) -> list[dict[str, Any]]:
    """A table for each list, which names the tables that it references."""
    return [
        {
            "name": f"table_{number}" * (1 + number % 4),
            "detail": "1 row",
            "foreign_keys": [
                {"table": f"table_{p}" * (1 + p % 4), "columns": [f"c{p}"], "enforced": p % 2 == 0}
                for p in parents
            ],
        }
        for number, parents in enumerate(graph)
    ]


def drawn(graphs: list[Graph]) -> list[Any]:
    """The layout of each graph, by the script of the page."""
    command = ["node", "-e", RUN, str(ASSETS["layout.js"].path)]
    text = json.dumps([tables(graph) for graph in graphs])
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    found: list[Any] = json.loads(done.stdout)
    return found


def crosses(box: dict[str, float], x: float, y: float) -> bool:
    """Whether a point is inside a box."""
    inside_x = box["x"] < x < box["x"] + box["width"]
    return inside_x and box["y"] < y < box["y"] + box["height"]


def prove(graph: Graph, found: Any) -> None:
    """No two boxes overlap, all is inside, and each line ends at its boxes and crosses no other in its layers."""
    boxes = {box["name"]: box for box in found["boxes"]}
    assert len(boxes) == len(graph)
    for one in found["boxes"]:
        assert 0 <= one["x"] <= one["x"] + one["width"] <= found["width"]
        assert 0 <= one["y"] <= one["y"] + one["height"] <= found["height"]
        corners = [(x, y) for x in (0.001, one["width"] - 0.001) for y in (0.001, one["height"] - 0.001)]
        for other in found["boxes"]:
            assert other is one or not any(crosses(other, one["x"] + x, one["y"] + y) for x, y in corners)
    pairs = {(line["child"], line["parent"]) for line in found["lines"]}
    assert pairs == {(t["name"], key["table"]) for t in tables(graph) for key in t["foreign_keys"]}
    for line in found["lines"]:
        first, *_, last = line["points"]
        for point, name in ((first, line["child"]), (last, line["parent"])):
            box = boxes[name]
            assert box["x"] <= point["x"] <= box["x"] + box["width"]
            assert box["y"] <= point["y"] <= box["y"] + box["height"]
        for left, right in zip(line["points"][1:-1:2], line["points"][2:-1:2], strict=True):
            middle = (left["x"] + right["x"]) / 2
            assert 0 <= left["y"] <= found["height"]
            assert not any(crosses(box, middle, left["y"]) for box in found["boxes"])


def graphs(most: int) -> st.SearchStrategy[Graph]:
    """References between up to ``most`` tables, also to themselves and in circles."""
    return st.integers(0, most).flatmap(
        lambda size: st.lists(
            st.lists(st.integers(0, max(0, size - 1)), max_size=4), min_size=size, max_size=size
        )
    )


@given(st.lists(graphs(12), min_size=1, max_size=10))
@settings(max_examples=8)
def test_tables_do_not_overlap_and_lines_connect_them(several: list[Graph]) -> None:
    for graph, found in zip(several, drawn(several), strict=True):
        prove(graph, found)


@pytest.mark.slow
@given(st.lists(graphs(45), min_size=1, max_size=20))
@settings(max_examples=60)
def test_many_tables_do_not_overlap_and_lines_connect_them(several: list[Graph]) -> None:
    for graph, found in zip(several, drawn(several), strict=True):
        prove(graph, found)


def test_parents_are_left_of_their_children() -> None:
    [found] = drawn([[[], [0], [1, 0], []]])
    left = {box["name"]: box["x"] for box in found["boxes"]}
    first, second, third, _ = (table["name"] for table in tables([[], [0], [1, 0], []]))
    assert left[first] < left[second] < left[third]
