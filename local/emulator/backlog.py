"""Queue the connections of a burst of callers.

The emulator's server queues 100 connections. Further clients retry after a second, or are refused.
"""

from hypercorn.config import Config

from local.emulator.anchors import require

WAITING = 1024


def apply() -> None:
    """Set the queue's length; the default limit of Linux is 4096."""
    require("backlog", Config, "backlog")
    Config.backlog = WAITING
