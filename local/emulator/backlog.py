"""The connections of a burst of callers wait to be accepted.

The emulator's server lets 100 wait; beyond them a client waits for a second and tries again, or is refused.
"""

from hypercorn.config import Config

from local.emulator.anchors import require

WAITING = 1024


def apply() -> None:
    """As many as Linux allows by default would be 4096."""
    require("backlog", Config, "backlog")
    Config.backlog = WAITING
