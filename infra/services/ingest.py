"""The ingest capability: store batches of records over HTTP as rows or rejections, in one transaction each."""

from __future__ import annotations

from aws_cdk import Duration
from constructs import Construct

from dataforge.defaults import API_SECONDS, WHOLE_PROCESSOR_MEGABYTES
from infra.foundation.foundation import Foundation
from infra.foundation.functions import Function

# The limit of API Gateway.
TIMEOUT = Duration.seconds(API_SECONDS)
# One full vCPU. Batches are CPU-bound, so less memory would cost the same and take longer.
MEMORY = WHOLE_PROCESSOR_MEGABYTES
# Files of the documentation page, installed by npm and served by functions/ingest/docs_page.
PAGE = ("swagger-ui.css", "swagger-ui-bundle.js", "LICENSE")


class Ingest(Construct):
    """One function, which logs in as a role that may only insert and update rows."""

    def __init__(self, scope: Construct, id: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id)
        self.function = Function(
            self,
            "Ingest",
            settings=foundation.settings,
            handler="ingest.handler",
            description="HTTP API: batches of records, rejections, documentation",
            layers=[foundation.layers.common, foundation.layers.deps, foundation.layers.pages],
            environment={
                **foundation.database.environment(),
                "REPORT_BUCKET": foundation.storage.report.bucket_name,
                "REJECTED_TEXT_BYTES": str(foundation.settings.rejected_text_megabytes * 2**20),
            },
            timeout=TIMEOUT,
            memory_size=MEMORY,
            network=foundation.network,
            files=[f"node_modules/swagger-ui-dist/{name}" for name in PAGE],
        )
