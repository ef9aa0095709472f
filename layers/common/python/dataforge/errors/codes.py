"""All error classes, by code."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from dataforge.errors.base import CodedError, DataForgeError

_PACKAGE = __name__.rpartition(".")[0]


def subclasses(error: type[CodedError]) -> Iterator[type[CodedError]]:
    """The class and all its subclasses."""
    yield error
    for child in error.__subclasses__():
        yield from subclasses(child)


@cache
def by_code() -> dict[str, type[DataForgeError]]:
    """The errors of functions and the shared layer."""
    return {
        error.code: error
        for error in subclasses(DataForgeError)
        if issubclass(error, DataForgeError) and error.__module__.startswith(_PACKAGE)
    }


def retried_codes() -> list[str]:
    """The codes on which state machines repeat a step: leaves only, because Step Functions compares codes as strings."""
    return [error.code for error in by_code().values() if error.retried and not error.__subclasses__()]


def meaning(error: type[CodedError]) -> str:
    """The meaning of a code in a sentence: the first line of the class's docstring."""
    return (error.__doc__ or "").splitlines()[0]
