"""Change the script that each process of a Python function runs."""

from ministack.core import lambda_runtime

from local.emulator.anchors import AnchorGone, require

SETUP = '    code_dir = init["code_dir"]\n'
"""The line after which the script has its settings, and before which nothing of the function is imported."""


def change_worker_script(patch: str, anchor: str, replacement: str) -> None:
    """Replace the anchor. Raises ``AnchorGone`` for the patch unless the script has it exactly once."""
    require(patch, lambda_runtime, "_PYTHON_WORKER_SCRIPT")
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    if script.count(anchor) != 1:
        raise AnchorGone(patch, f"one {anchor!r} in the Python worker's script")
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(anchor, replacement)
