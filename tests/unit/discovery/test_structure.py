"""Keys and references that are proposed from names and values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pytest

from discovery.structure.keys import Columns
from discovery.structure.proposal import Structure, propose
from discovery.structure.texts import TextStore


@pytest.fixture
def store() -> Iterator[TextStore]:
    with TextStore() as texts:
        yield texts


def proposed(store: TextStore, **tables: dict[str, Sequence[object]]) -> Structure:
    found = {}
    for name, columns in tables.items():
        arrays = {
            c: pa.array([None if v is None else str(v) for v in values], pa.string())
            for c, values in columns.items()
        }
        store.add(name, list(arrays), [pa.record_batch(arrays)])
        kinds = {c: kind(next(v for v in values if v is not None)) for c, values in columns.items()}
        found[name] = Columns(name, store.describe(name), kinds)
    return propose(store, found)


def kind(value: object) -> str:
    text = str(value)
    if text.isdigit():
        return "integer"
    return "date" if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else "text"


def references(structure: Structure) -> set[tuple[str, str, str]]:
    return {(r.child, r.column, r.parent) for r in structure.references}


def test_names_and_values_together_propose_keys_and_references(store: TextStore) -> None:
    found = proposed(
        store,
        customers={"customer_id": range(1, 50), "age": [n % 40 for n in range(1, 50)]},
        orders={
            "order_id": range(1, 80),
            "customer_id": [n % 49 + 1 for n in range(1, 80)],
            "age": range(1, 80),
        },
    )
    assert found.keys == {"customers": ("customer_id",), "orders": ("order_id",)}
    assert references(found) == {("orders", "customer_id", "customers")}


def test_orphans_do_not_hide_a_reference_that_the_name_states(store: TextStore) -> None:
    found = proposed(
        store,
        customers={"customer_id": range(1, 50)},
        orders={"order_id": range(1, 80), "customer_id": [n % 60 + 1 for n in range(1, 80)]},
    )
    [reference] = found.references
    assert reference.coverage.orphans > 0


def test_reference_of_a_table_to_itself_needs_the_name_of_a_role(store: TextStore) -> None:
    found = proposed(
        store,
        employees={
            "employee_id": range(1, 30),
            "reports_to": [None, *(n // 2 + 1 for n in range(1, 29))],
            "grade": [n % 5 + 1 for n in range(1, 30)],
        },
    )
    assert references(found) == {("employees", "reports_to", "employees")}


def test_columns_that_are_unique_by_accident_are_not_a_key(store: TextStore) -> None:
    found = proposed(store, readings={"note": ["x"] * 39, "value": [n * 7 % 1000 for n in range(1, 40)]})
    assert found.keys == {"readings": None}


def test_copies_of_a_key_exclude_it(store: TextStore) -> None:
    assert proposed(store, a={"id": [1, 2, 2], "x": [1, 1, 1]}).keys == {"a": None}


ROWS = range(400)
CODES = [f"{chr(65 + n // 26)}{chr(65 + n % 26)}X" for n in range(40)]


def test_measure_in_the_first_place_does_not_become_a_key(store: TextStore) -> None:
    values = [n * n * 37 + n for n in ROWS]
    assert proposed(store, days={"load": values, "station": ["a"] * 400}).keys == {"days": None}
    with TextStore() as other:
        assert proposed(other, days={"amount": ROWS, "station": ["a"] * 400}).keys == {"days": None}


def test_numbers_without_gaps_in_the_first_place_are_a_key_under_any_name(store: TextStore) -> None:
    assert proposed(store, days={"x": ROWS, "station": ["a"] * 400}).keys == {"days": ("x",)}


def test_key_that_few_rows_repeat_is_proposed_with_a_note(store: TextStore) -> None:
    numbers = [*range(1, 2998), 1, 2, 3]
    found = proposed(
        store, orders={"order_id": numbers, "total": range(3000), "color": [n % 3 for n in range(3000)]}
    )
    assert found.keys == {"orders": ("order_id",)}
    assert found.notes["orders"][0].startswith("3 of 3,000 rows repeat")


def test_rows_that_differ_in_a_reference_only_make_it_a_part_of_the_key(store: TextStore) -> None:
    found = proposed(
        store,
        orders={"order_id": range(1, 301)},
        order_reviews={
            "review_id": [*(f"r{n:05}" for n in range(299)), "r00000"],
            "order_id": range(1, 301),
            "stars": [*(n % 5 for n in range(299)), 0],
        },
    )
    assert found.keys["order_reviews"] == ("review_id", "order_id")


def test_moments_of_a_log_do_not_become_a_key(store: TextStore) -> None:
    moments = [f"2024-01-{n % 28 + 1:02} 10:{n // 28:02}:00" for n in ROWS]
    found = proposed(store, log={"user_id": [n % 7 for n in ROWS], "logged_at": moments, "kind": ["x"] * 400})
    assert found.keys == {"log": None}


def test_first_columns_that_chance_would_have_repeated_are_a_key(store: TextStore) -> None:
    found = proposed(
        store,
        figures={
            "Entity": [f"land {n % 20}" for n in ROWS],
            "Year": [1990 + n // 20 for n in ROWS],
            "deaths": [n * 13 % 301 for n in ROWS],
        },
    )
    assert found.keys == {"figures": ("Entity", "Year")}


def test_number_of_the_parts_is_preferred_to_a_second_reference(store: TextStore) -> None:
    found = proposed(
        store,
        trips={"trip_id": [f"t{n}x" for n in range(40)], "color": ["x"] * 40},
        stops={"stop_id": CODES, "color": ["y"] * 40},
        stop_times={
            "trip_id": [f"t{n // 10}x" for n in ROWS],
            "stop_id": [CODES[(n // 10 + n % 10) % 40] for n in ROWS],
            "stop_sequence": [n % 10 for n in ROWS],
        },
    )
    assert found.keys["stop_times"] == ("trip_id", "stop_sequence")


def test_small_table_of_links_has_all_its_references_as_key(store: TextStore) -> None:
    found = proposed(
        store,
        concepts={"concept_id": range(101, 141), "color": ["x"] * 40},
        relations={"relation_id": CODES, "color": ["y"] * 40},
        concept_relations={
            "concept_id_1": [101, 101, 102, 103],
            "concept_id_2": [110, 111, 110, 110],
            "relation_id": [CODES[n] for n in (0, 0, 1, 2)],
            "valid_from": ["2024-01-01"] * 4,
        },
    )
    assert found.keys["concept_relations"] == ("concept_id_1", "concept_id_2", "relation_id")


DAYS = [f"2024-{n // 28 + 1:02}-{n % 28 + 1:02}" for n in range(200)]


def test_moments_with_figures_only_are_a_key(store: TextStore) -> None:
    assert proposed(store, loads={"time": DAYS, "count": [1] * 200}).keys == {"loads": ("time",)}
    with TextStore() as other:
        assert proposed(other, log={"time": DAYS, "text": ["x"] * 200}).keys == {"log": None}
    with TextStore() as other:
        assert proposed(other, log={"time": DAYS, "user_id": [n % 3 for n in range(200)]}).keys == {
            "log": None
        }


def test_areas_of_statistics_are_a_key_and_no_target_of_other_areas(store: TextStore) -> None:
    names = [f"land {n}" for n in range(90)]
    found = proposed(
        store,
        wealth={"country": names, "income": [n * 7 % 50 for n in range(90)]},
        sites={"site_id": ROWS, "country": [f"land {n % 5 * 80}" for n in ROWS]},
    )
    assert found.keys == {"wealth": ("country",), "sites": ("site_id",)}
    assert references(found) == set()


def test_parent_with_a_code_inside_its_parent_is_referred_to_by_both(store: TextStore) -> None:
    pairs = [(CODES[a], f"{n:02}") for a in range(30) for n in range(a % 5 + 10)]
    found = proposed(
        store,
        countries={"iso_code": CODES, "color": ["x"] * 40},
        states={
            "country_code": [a for a, _ in pairs],
            "iso_code": [n for _, n in pairs],
            "color": [n % 3 for n in range(len(pairs))],
        },
        cities={
            "name": [f"city {n}" for n in range(900)],
            "country_code": [pairs[n * 7 % len(pairs)][0] for n in range(900)],
            "state_code": [pairs[n * 7 % len(pairs)][1] for n in range(900)],
        },
    )
    [reference] = (r for r in found.references if r.child == "cities")
    assert (reference.columns, reference.parent, reference.parent_columns) == (
        ("country_code", "state_code"),
        "states",
        ("country_code", "iso_code"),
    )


def test_references_of_several_columns_replace_those_to_the_parents_of_the_parent(store: TextStore) -> None:
    pairs = [(a, b) for a in range(1, 41) for b in range(1, 31) if (a + b) % 3]
    sold = [pairs[n * 7 % len(pairs)] for n in range(900)]
    found = proposed(
        store,
        part={"p_partkey": range(1, 41), "p_name": [f"p{n}" for n in range(40)], "p_size": [1] * 40},
        supplier={"s_suppkey": range(1, 31), "s_name": [f"s{n}" for n in range(30)], "s_nation": [1] * 30},
        partsupp={
            "ps_partkey": [a for a, _ in pairs],
            "ps_suppkey": [b for _, b in pairs],
            "ps_cost": [n % 50 for n in range(len(pairs))],
        },
        lineitem={
            "l_orderkey": [n // 4 + 1 for n in range(900)],
            "l_partkey": [a for a, _ in sold],
            "l_suppkey": [b for _, b in sold],
            "l_linenumber": [n % 4 + 1 for n in range(900)],
        },
    )
    assert found.keys["lineitem"] == ("l_orderkey", "l_linenumber")
    several = {(r.child, r.columns, r.parent, r.parent_columns) for r in found.references}
    assert several == {
        ("partsupp", ("ps_partkey",), "part", ("p_partkey",)),
        ("partsupp", ("ps_suppkey",), "supplier", ("s_suppkey",)),
        ("lineitem", ("l_partkey", "l_suppkey"), "partsupp", ("ps_partkey", "ps_suppkey")),
    }


@pytest.mark.parametrize(
    ("parent", "key", "columns"),
    [
        ("airports", "faa", ("origin", "dest")),
        ("teams", "team_id", ("home_team_id", "away_team_id")),
        ("users", "id", ("created_by", "assigned_to")),
        ("customers", "customer_no", ("cust_no", "billing_customer_no")),
        ("customer_demographics", "cd_demo_sk", ("cdemo_sk", "first_cdemo_sk")),
        ("departments", "dept_id", ("dept_id", "former_dept_id")),
        ("ports", "port_id", ("port_id_origin", "port_id_old")),
    ],
)
def test_columns_with_roles_and_abbreviations_refer(
    store: TextStore, parent: str, key: str, columns: tuple[str, str]
) -> None:
    first, second = columns
    tables: dict[str, dict[str, Sequence[object]]] = {
        parent: {key: CODES, "color": ["x"] * 40},
        "facts": {
            "fact_id": ROWS,
            first: [CODES[n % 40] for n in ROWS],
            second: [CODES[n * 3 % 40] for n in ROWS],
        },
    }
    found = proposed(store, **tables)
    assert references(found) == {("facts", first, parent), ("facts", second, parent)}


def test_count_of_things_refers_to_none(store: TextStore) -> None:
    found = proposed(
        store,
        orders={"order_id": range(1, 101)},
        days={"day_id": range(1, 301), "orders": [n % 90 + 1 for n in range(300)], "total_orders": [5] * 300},
    )
    assert references(found) == set()


def test_reference_to_unique_column_declares_it_unique(store: TextStore) -> None:
    found = proposed(
        store,
        products={"product_id": range(1, 41), "sku": CODES},
        stock={"stock_id": ROWS, "sku": [CODES[n % 40] for n in ROWS]},
    )
    [reference] = found.references
    assert (reference.parent_columns, found.unique["products"]) == (("sku",), (("sku",),))


def test_table_that_extends_another_refers_to_it_by_its_key(store: TextStore) -> None:
    numbers = [n * 3 for n in range(1, 200)]
    found = proposed(
        store,
        person={"person_id": numbers, "name": [f"n{n}" for n in numbers]},
        employee={"person_id": numbers[:50], "grade": [1] * 50},
    )
    assert references(found) == {("employee", "person_id", "person")}


def test_numbers_of_a_tables_own_rows_are_not_those_of_a_longer_table(store: TextStore) -> None:
    found = proposed(
        store,
        results={"result_id": range(1, 900), "points": [1] * 899},
        sprint_results={"result_id": range(1, 90), "points": [1] * 89},
    )
    assert references(found) == set()


def test_constraint_is_unique_by_name_and_by_many_rows(store: TextStore) -> None:
    mails = [f"m{n}@example.org" for n in ROWS]
    found = proposed(store, users={"user_id": ROWS, "email": mails, "height": [n + 1000 for n in ROWS]})
    assert found.unique == {"users": (("email",),)}
    with TextStore() as other:
        few = proposed(other, users={"user_id": range(9), "email": mails[:9]})
    assert few.unique == {"users": ()}


def test_numbered_columns_refer_by_gaps_in_their_values(store: TextStore) -> None:
    numbers = [n * 3 + n % 2 for n in range(1, 200)]
    found = proposed(
        store,
        airports={"column_1": numbers, "column_2": [f"n{n}" for n in numbers]},
        routes={"column_1": [numbers[n % 199] for n in ROWS], "column_2": [n % 50 for n in ROWS]},
    )
    assert references(found) == {("routes", "column_1", "airports")}


def test_unique_reference_is_reported_beside_a_key_of_several_columns_only(store: TextStore) -> None:
    found = proposed(
        store,
        films={"film_id": range(1, 61), "year": [n % 9 for n in range(60)]},
        actors={"actor_id": range(1, 61), "age": [n % 9 for n in range(60)]},
        film_actors={"film_id": range(1, 61), "actor_id": [n % 40 + 1 for n in range(60)]},
        premieres={"premiere_id": range(101, 161), "film_id": range(1, 61)},
    )
    assert found.keys["premieres"] == ("premiere_id",)
    assert ("premieres", "film_id", "films") in references(found)
    assert found.notes["premieres"] == ()
    assert found.keys["film_actors"] == ("film_id", "actor_id")
    assert found.notes["film_actors"] == ("film_id is unique in all rows, too, and could be the key",)


def test_reference_that_its_name_states_and_few_values_support_is_a_note_with_counts(
    store: TextStore,
) -> None:
    found = proposed(
        store,
        visits={"visit_id": range(9_000, 9_050), "color": ["x"] * 50},
        doctors={"doctor_id": range(1_000, 1_040), "color": ["y"] * 40},
        drugs={
            "drug_id": ROWS,
            "visit_id": [9_041 + n // 2 for n in ROWS],
            "doctor_id": [n % 40 + 5_000 for n in ROWS],
            "visit": [n % 90 for n in ROWS],
        },
    )
    assert references(found) == set()
    assert found.notes["drugs"] == (
        "visit_id may refer to visits, which has 9 of its 200 values: no reference is declared",
        "doctor_id may refer to doctors, which has 0 of its 40 values: no reference is declared",
    )
