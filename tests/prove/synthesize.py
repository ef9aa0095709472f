"""Synthesize the templates of the app in the working directory: `python synthesize.py CONTEXTS FOLDER`.

CONTEXTS is a JSON object from names to context; FOLDER receives one `NAME.json` each. The script runs with the packages of
the version that is synthesized, so it uses only what every version has.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from aws_cdk import App
from aws_cdk.assertions import Template

from infra.settings import read_settings
from infra.stack import DataForge


def main() -> None:
    """Write one template per context, without bundling."""
    contexts, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
    flags = json.loads(Path("cdk.json").read_text())["context"]
    for name, context in contexts.items():
        app = App(context={**flags, "aws:cdk:bundling-stacks": [], **context}, outdir=str(folder / name))
        stack = DataForge(app, read_settings(app.node.get_all_context()))
        (folder / f"{name}.json").write_text(json.dumps(Template.from_stack(stack).to_json()))


if __name__ == "__main__":
    main()
