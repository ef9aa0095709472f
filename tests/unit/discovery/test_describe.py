"""The Data Package that `dataforge describe` writes follows the published rules of version 1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from dataforge.tables.datasets import DATASETS
from dataforge_cli.main import app
from discovery.describe.data_package import data_package
from discovery.describe.sql import script

TYPES = (
    *(
        "string",
        "number",
        "integer",
        "boolean",
        "object",
        "array",
        "date",
        "time",
        "datetime",
        "year",
        "yearmonth",
    ),
    *("duration", "geopoint", "geojson", "any"),
)
NAMES = {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": "string"}}
FIELD = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "type": {"enum": TYPES},
        "format": {"type": "string"},
        "description": {"type": "string"},
        "bareNumber": {"type": "boolean"},
        "decimalChar": {"type": "string"},
        "groupChar": {"type": "string"},
        "trueValues": NAMES,
        "falseValues": NAMES,
        "constraints": {
            "type": "object",
            "properties": {
                "required": {"type": "boolean"},
                "unique": {"type": "boolean"},
                "pattern": {"type": "string"},
                "enum": {"type": "array", "minItems": 1, "uniqueItems": True},
                "minLength": {"type": "integer"},
                "maxLength": {"type": "integer"},
                "minimum": {"type": ["number", "string"]},
                "maximum": {"type": ["number", "string"]},
            },
            "additionalProperties": False,
        },
    },
}
FOREIGN_KEY = {
    "type": "object",
    "required": ["fields", "reference"],
    "properties": {
        "fields": NAMES,
        "reference": {
            "type": "object",
            "required": ["resource", "fields"],
            "properties": {"resource": {"type": "string"}, "fields": NAMES},
        },
    },
}
SCHEMA = {
    "type": "object",
    "required": ["fields"],
    "properties": {
        "fields": {"type": "array", "minItems": 1, "items": FIELD},
        "primaryKey": NAMES,
        "foreignKeys": {"type": "array", "minItems": 1, "items": FOREIGN_KEY},
        "missingValues": {"type": "array", "items": {"type": "string"}},
    },
}
DIALECT = {
    "type": "object",
    "properties": {
        "delimiter": {"type": "string"},
        "doubleQuote": {"type": "boolean"},
        "quoteChar": {"type": "string"},
        "escapeChar": {"type": "string"},
        "lineTerminator": {"type": "string"},
        "header": {"type": "boolean"},
        "commentChar": {"type": "string"},
        "caseSensitiveHeader": {"type": "boolean"},
    },
}
NAME = {"type": "string", "pattern": "^([-a-z0-9._/])+$"}
PACKAGE = {
    "type": "object",
    "required": ["profile", "resources"],
    "properties": {
        "profile": {"const": "tabular-data-package"},
        "name": NAME,
        "resources": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "schema"],
                "oneOf": [{"required": ["path"]}, {"required": ["data"]}],
                "properties": {
                    "name": NAME,
                    # Inside the folder: neither absolute nor with "..".
                    "path": {"type": "string", "pattern": r"^(?=^[^./~])(^((?!\.{2}).)*$).*$"},
                    "encoding": {"type": "string"},
                    "dialect": DIALECT,
                    "schema": SCHEMA,
                },
            },
        },
    },
}
"""The rules of tabular-data-package.json (specs.frictionlessdata.io/schemas) for the properties that are written."""


@pytest.mark.parametrize("name", DATASETS)
def test_package_is_valid_and_names_only_its_own_fields_and_resources(name: str) -> None:
    package: Any = json.loads(json.dumps(data_package(DATASETS[name])))
    Draft202012Validator(PACKAGE).validate(package)
    resources = {resource["name"]: resource["schema"] for resource in package["resources"]}
    assert len(resources) == len(package["resources"]) == len(DATASETS[name].tables)
    for resource, schema in resources.items():
        fields = {field["name"] for field in schema["fields"]}
        assert set(schema.get("primaryKey", ())) <= fields
        for key in schema.get("foreignKeys", ()):
            assert set(key["fields"]) <= fields
            parent = resources[key["reference"]["resource"] or resource]
            assert set(key["reference"]["fields"]) <= {field["name"] for field in parent["fields"]}


def test_package_lists_unenforced_references_apart_from_foreign_keys() -> None:
    resources = {resource["name"]: resource for resource in data_package(DATASETS["company"])["resources"]}
    schema = resources["door_events"]["schema"]
    assert "foreignKeys" not in schema
    assert schema["unenforcedForeignKeys"][0]["reference"] == {"resource": "employees", "fields": ["badge"]}


def test_command_writes_to_stdout_or_a_file(tmp_path: Path) -> None:
    target = tmp_path / "datapackage.json"
    result = CliRunner().invoke(app, ["describe", "invoices", "--as", "datapackage", "--output", str(target)])
    assert (result.exit_code, result.stdout) == (0, "")
    assert json.loads(target.read_text()) == json.loads(json.dumps(data_package(DATASETS["invoices"])))
    result = CliRunner().invoke(app, ["describe", "invoices", "--as", "sql"])
    assert result.stdout == script(DATASETS["invoices"])


@pytest.mark.parametrize(
    "words", [["describe", "nowhere", "--as", "sql"], ["describe", "olist", "--as", "xml"]]
)
def test_unknown_dataset_and_form_are_invalid_calls(words: list[str]) -> None:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
