"""The OpenAPI document: its routes, parameters and examples match the functions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from dataforge.api import record_samples
from dataforge.api.batch import read_batch
from dataforge.api.document import build, document
from dataforge.tables.catalogue import Dataset
from dataforge.tables.datasets import DATASETS
from functions.ingest.answer import make_answer
from functions.ingest.docs_page import openapi
from functions.ingest.listing import RejectionQuery


@pytest.fixture(scope="module")
def api_document() -> dict[str, Any]:
    return build()


@pytest.fixture(scope="module")
def operations(api_document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """(method, path) -> operation."""
    return {
        (method.upper(), path): o
        for path, item in api_document["paths"].items()
        for method, o in item.items()
    }


def test_document_is_openapi_3_1(api_document: dict[str, Any]) -> None:
    assert api_document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(api_document).validate()


def test_every_response_except_success_is_a_problem(
    operations: dict[tuple[str, str], dict[str, Any]],
) -> None:
    for found in operations.values():
        for status, response in found["responses"].items():
            # 422 is a report, and 431 API Gateway's own text.
            if int(status) >= 400 and status not in ("422", "431"):
                assert set(response["content"]) == {"application/problem+json"}


def test_document_has_a_schema_for_every_table(api_document: dict[str, Any]) -> None:
    names = {f"{dataset.name}.{table}" for dataset in DATASETS.values() for table in dataset.tables}
    assert names <= set(api_document["components"]["schemas"])
    choices = [choice["properties"] for choice in api_document["components"]["schemas"]["Record"]["anyOf"]]
    referred = {(c["table"].get("const"), c["data"].get("$ref")) for c in choices}
    assert {(name.partition(".")[2], f"#/components/schemas/{name}") for name in names} <= referred


def test_documented_parameters_of_rejections_equal_the_query_model(
    operations: dict[tuple[str, str], dict[str, Any]],
) -> None:
    parameters = operations["GET", "/v1/rejections"]["parameters"]
    assert [p["name"] for p in parameters] == list(RejectionQuery.model_fields)


def test_examples_match_their_schemas(
    api_document: dict[str, Any], operations: dict[tuple[str, str], dict[str, Any]]
) -> None:
    count = 0
    for found in operations.values():
        contents = [found.get("requestBody", {}), *found["responses"].values()]
        for media in (media for part in contents for media in part.get("content", {}).values()):
            if "example" in media:
                schema = {**media["schema"], "components": api_document["components"]}
                Draft202012Validator(schema).validate(media["example"])
                count += 1
    assert count > 5


def test_example_of_a_batch_is_accepted_as_a_batch(operations: dict[tuple[str, str], dict[str, Any]]) -> None:
    example = operations["POST", "/v1/records"]["requestBody"]["content"]["application/json"]["example"]
    assert len(read_batch(example).records) == 2


@pytest.mark.parametrize("rejected", [(), (1,), (0, 1)])
def test_example_of_a_report_equals_the_report_on_the_example_batch(rejected: tuple[int, ...]) -> None:
    records = read_batch(record_samples.batch()).records
    statuses = ["rejected" if index in rejected else "inserted" for index in range(len(records))]
    violations = {index: record_samples.violations(index) for index in rejected}
    answer = make_answer(record_samples.BATCH_ID, "partial", records, statuses, violations)
    assert record_samples.report(*rejected) == json.loads(answer.body)


def test_document_is_built_once(kitchen: Dataset) -> None:
    assert document() is document()
    assert json.loads(openapi().body)["info"]["title"] == "Data Forge"


def test_document_names_neither_host_nor_database(api_document: dict[str, Any]) -> None:
    text = json.dumps(api_document)
    for word in ("amazonaws", "postgres", "psycopg", "localhost", "127.0.0.1"):
        assert word not in text.lower()
