"""Answer a stack operation when it has ended.

CDK reads the state of the stack directly after it has started an operation, and then every five seconds. An update of the
app takes one second.
"""

import asyncio
from typing import Any

from ministack.services import cloudformation

from local.emulator.anchors import require

LONGEST_WAIT_SECONDS = 4.0
"""A longer operation continues after the answer, so that CDK prints its progress."""


def apply() -> None:
    """Only the answer is delayed: the order of events and states is that of the emulator."""
    require("stack_wait", cloudformation, "handle_request")
    original = cloudformation.handle_request

    async def handle(*request: Any, **more: Any) -> Any:
        before = asyncio.all_tasks()
        answer = await original(*request, **more)
        # The emulator handles a request without a pause, so that no other request can have started these tasks.
        started = asyncio.all_tasks() - before
        if started:
            await asyncio.wait(started, timeout=LONGEST_WAIT_SECONDS)
        return answer

    cloudformation.handle_request = handle
