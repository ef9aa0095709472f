"""Assets that this process builds when CDK needs them, without Docker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import BundlingOptions, BundlingOutput, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_


def built_code(
    source: Path, fingerprint: str, build: Callable[[Path], None], output: BundlingOutput
) -> lambda_.Code:
    """Return an asset with the hash ``fingerprint``, which ``build`` writes into a folder. Tests can prevent that."""
    return lambda_.Code.from_asset(
        str(source),
        asset_hash=fingerprint,
        bundling=BundlingOptions(
            image=DockerImage.from_registry("not-used"), local=_LocalBundling(build), output_type=output
        ),
    )


@jsii.implements(ILocalBundling)
class _LocalBundling:
    def __init__(self, build: Callable[[Path], None]) -> None:
        self._build = build

    def try_bundle(self, output_dir: str, *_options: Any, **_more: Any) -> bool:
        """Build the asset. CDK's bundling options are ignored.

        A failure is raised: there is no fallback to Docker."""
        self._build(Path(output_dir))
        return True
