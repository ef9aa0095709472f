"""A Lambda function that a state machine calls for one step or one work item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from dataforge.defaults import FUNCTION_SECONDS, WHOLE_PROCESSOR_MEGABYTES
from infra.foundation.foundation import Foundation
from infra.foundation.functions import Function


def step_function(
    scope: Construct,
    id: str,
    *,
    foundation: Foundation,
    handler: str,
    description: str,
    environment: Mapping[str, str],
    more_layers: Sequence[lambda_.ILayerVersion] = (),
    memory_size: int = WHOLE_PROCESSOR_MEGABYTES,
    dead_letters: sqs.IQueue | None = None,
) -> Function:
    """A function in the network with Lambda's longest time-out, by default with the memory of a whole processor.

    ``dead_letters``: where an event goes that a function which EventBridge calls could not handle.
    """
    return Function(
        scope,
        id,
        settings=foundation.settings,
        handler=handler,
        description=description,
        layers=[foundation.layers.common, foundation.layers.deps, foundation.layers.bulk, *more_layers],
        environment=environment,
        timeout=Duration.seconds(FUNCTION_SECONDS),
        memory_size=memory_size,
        network=foundation.network,
        dead_letter_queue=dead_letters,
    )
