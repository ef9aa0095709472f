"""The names inside ministack on which patches depend. If one is missing, the start fails with an error that names it."""

from typing import Any


class AnchorGone(Exception):
    """The target of a patch is no longer in the emulator."""

    def __init__(self, patch: str, anchor: str) -> None:
        super().__init__(
            f"patch {patch}: ministack no longer has {anchor}. "
            f"Adapt the patch to the installed version, or drop it if it is no longer needed."
        )


def require(patch: str, owner: Any, *names: str) -> None:
    """Raise ``AnchorGone`` unless ``owner`` (a module or class) has all the names."""
    for name in names:
        if not hasattr(owner, name):
            raise AnchorGone(patch, f"{getattr(owner, '__name__', owner)}.{name}")
