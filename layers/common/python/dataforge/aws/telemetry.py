"""Logs, traces and metrics of the functions, made here alone: ids, figures, codes and names, never a record's content.

- A trace shows calls of AWS; PostgreSQL's statements and errors are not in it, and no answer and no error document.
- A log line of an exception has its class and place, without its text, which may quote a value.
- An exception leaves a function only as an error of ours (`dataforge.errors`), because Lambda, Step Functions and X-Ray keep
  its text. Any other becomes ``StatementFailed`` or ``Unexpected``, and what it was and where stands in the log.
"""

from __future__ import annotations

import copy
import functools
import logging
import traceback
from collections.abc import Callable
from typing import Any, TypeVar, cast

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.utilities.typing import LambdaContext

from dataforge.aws.metric_names import NAMESPACE
from dataforge.errors import DataForgeError, StatementFailed, Unexpected
from dataforge.postgres.refusals import describe, is_database_error

Result = TypeVar("Result")


class _WithoutTexts(LambdaPowertoolsFormatter):
    """Powertools' lines, in which an exception is its class; ``log_failure`` says where it came from."""

    def format(self, record: logging.LogRecord) -> str:
        if record.exc_info:
            kind, *_ = record.exc_info
            record = copy.copy(record)
            vars(record)["error"] = kind and kind.__name__
            record.exc_info = record.exc_text = None
        return super().format(record)


def make_logger(service: str) -> Logger:
    """A function's logger."""
    return Logger(service, logger_formatter=_WithoutTexts())


def make_tracer(service: str, *, trace_aws: bool = True) -> Tracer:
    """A function's tracer. ``trace_aws``: show its calls of AWS as well, which costs an import of the SDK's patches."""
    return Tracer(service, auto_patch=trace_aws, patch_modules=("botocore",))


def make_metrics(service: str) -> Metrics:
    """A function's metrics, in the one namespace."""
    return Metrics(namespace=NAMESPACE, service=service)


def entry_point(
    logger: Logger, tracer: Tracer | None = None
) -> Callable[[Callable[[dict[str, Any], LambdaContext], Result]], Callable[[dict[str, Any], Any], Result]]:
    """Decorates a function that Lambda calls: one log context and one trace segment, and only errors of ours leave it."""

    def decorate(
        handler: Callable[[dict[str, Any], LambdaContext], Result],
    ) -> Callable[[dict[str, Any], Any], Result]:
        guarded = _only_our_errors(logger, handler)
        if tracer is not None:
            guarded = tracer.capture_lambda_handler(guarded, capture_response=False, capture_error=False)
        return cast(
            "Callable[[dict[str, Any], Any], Result]",
            logger.inject_lambda_context(guarded, clear_state=True),
        )

    return decorate


def log_failure(logger: Logger, error: BaseException, message: str) -> None:
    """Log what happened and where, without the texts of the error and its cause: they may quote a record."""
    cause = error.__cause__
    frames = traceback.extract_tb((cause or error).__traceback__)
    logger.error(
        message,
        extra={
            "error": error.code if isinstance(error, DataForgeError) else type(error).__name__,
            "cause": type(cause).__name__ if cause else None,
            "sqlstate": getattr(cause or error, "pgcode", None),
            "where": [f"{f.filename.rpartition('/')[2]}:{f.lineno} {f.name}" for f in frames],
        },
    )


def _only_our_errors(logger: Logger, handler: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handler)
    def guarded(event: dict[str, Any], context: LambdaContext) -> Any:
        try:
            return handler(event, context)
        except DataForgeError as error:
            log_failure(logger, error, "step failed")
            # What it was raised from is in the log by class; its text is not passed on.
            error.__cause__, error.__context__ = None, None
            raise _under_its_code(error)  # noqa: B904  the cause was removed above
        except MemoryError:
            # Step Functions knows it by this name.
            raise MemoryError from None
        except Exception as error:  # noqa: BLE001  the border: what leaves is kept by Lambda, Step Functions and X-Ray
            log_failure(logger, error, "step failed unexpectedly")
            raise _named(error) from None

    return guarded


def _under_its_code(error: DataForgeError) -> DataForgeError:
    """The error as an instance of a class that is named like its code: Lambda reports the name as errorType."""
    kind = type(error)
    if kind.__name__ != error.code:
        error.__class__ = cast("type[DataForgeError]", type(error.code, (kind,), {"__module__": __name__}))
    return error


def _named(error: Exception) -> DataForgeError:
    return StatementFailed(describe(error)) if is_database_error(error) else Unexpected(type(error).__name__)
