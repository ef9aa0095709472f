"""Own files: docs/own-files.md, and redeployments of a new and of a refused module beside the data of other datasets."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from typer.testing import CliRunner, Result

import datasets
from dataforge.tables.datasets import DATASETS, FURTHER_FOLDER
from dataforge_cli.main import app
from local import cloud
from local.config import ROOT, Config
from local.outputs import Outputs
from tests.tutorials import Session, examples

PAGE = ROOT / "docs" / "own-files.md"
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Config:
    state = tmp_path_factory.mktemp("cloud") / ".local"
    return Config(state=state, aws_port=free_port(), pg_port=free_port())


@pytest.fixture(scope="module")
def deployed(config: Config) -> Iterator[Outputs]:
    """A cloud with the datasets of the clone, and one row of quotes."""
    with cloud.running(config) as outputs:
        query(outputs, "INSERT INTO quotes.tags VALUES ('stored') RETURNING name")
        yield outputs


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the new module, which is not the clone's."""
    folder = tmp_path_factory.mktemp("modules")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "__path__", [str(folder), *datasets.__path__])
        patch.setenv(FURTHER_FOLDER, str(folder))
        yield folder
    DATASETS.pop("shop", None)
    sys.modules.pop("datasets.shop", None)


def query(outputs: Outputs, sql: str) -> str:
    with closing(psycopg2.connect(outputs["database_url"])) as db, db, db.cursor() as cursor:
        cursor.execute(sql)
        ((found,),) = cursor.fetchall()
        return str(found)


def migrate(config: Config, *words: str) -> Result:
    return CliRunner().invoke(app, ["--outputs", str(config.outputs), "migrate", *words, "--dataset", "shop"])


def test_every_command_of_the_page_prints_the_output_that_the_page_shows(
    deployed: Outputs, config: Config, modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = config.state.parent
    monkeypatch.chdir(folder)
    session = Session(folder, config.outputs)
    shown = list(examples(PAGE.read_text()))
    assert len(shown) > 8
    for example in shown:
        session.run(example)
    assert [path.name for path in modules.glob("*.py")] == ["shop.py"]
    assert not (ROOT / "datasets" / "shop.py").exists()


def test_deployment_of_a_new_dataset_preserves_the_rows_of_others(deployed: Outputs) -> None:
    assert query(deployed, "SELECT name FROM quotes.tags") == "stored"
    assert query(deployed, "SELECT count(*) FROM shop.orders") == "399"


def test_refused_deployment_names_the_cause_and_leaves_the_app_as_it_was(
    deployed: Outputs, config: Config, modules: Path
) -> None:
    """The names of the customers cannot become numbers."""
    module, folder = modules / "shop.py", str(config.state.parent / "shop")
    good = module.read_text()
    module.write_text(good.replace("    name: Name\n", "    name: Integer\n"))
    try:
        refused = migrate(config, folder, "--deploy")
    finally:
        module.write_text(good)
    assert refused.exit_code == 1
    assert "shop.customers" in refused.stderr
    assert "name" in refused.stderr
    again = migrate(config, folder)
    assert again.exit_code == 0, again.stderr
    assert query(deployed, "SELECT count(*) FROM shop.customers") == "80"
