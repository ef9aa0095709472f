"""Logs and metrics of the functions. They contain ids, counts, codes and names, and no content of records.

- Lambda itself traces the functions; the SDK of X-Ray, which would add calls of AWS, takes longer to import than these.
- A log line of an exception has its class and position, without its text, which may quote a value.
- A function raises only errors of `dataforge.errors`, under their codes, because Lambda, Step Functions and X-Ray store the
  text. Another exception becomes ``StatementFailed`` or ``Unexpected``; the log has its class and position.
"""

from __future__ import annotations

import copy
import functools
import logging
import traceback
from collections.abc import Callable
from typing import Any, TypeVar, cast

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.utilities.typing import LambdaContext

from dataforge.aws.metric_names import NAMESPACE
from dataforge.errors import DataForgeError, StatementFailed, Unexpected
from dataforge.postgres.refusals import describe, is_database_error
from dataforge.visible import visible

Result = TypeVar("Result")


class _WithoutTexts(LambdaPowertoolsFormatter):
    """Format log lines with the class of an exception only; ``log_failure`` adds the position.

    JSON escapes control characters of ASCII. Others, and bidirectional marks, would reach the terminal of a reader.
    """

    def format(self, record: logging.LogRecord) -> str:
        if record.exc_info:
            kind, *_ = record.exc_info
            record = copy.copy(record)
            vars(record)["error"] = kind and kind.__name__
            record.exc_info = record.exc_text = None
        return visible(super().format(record))


def make_logger(service: str) -> Logger:
    """A function's logger."""
    return Logger(service, logger_formatter=_WithoutTexts())


def make_metrics(service: str) -> Metrics:
    """A function's metrics."""
    return Metrics(namespace=NAMESPACE, service=service)


def entry_point(
    logger: Logger,
) -> Callable[[Callable[[dict[str, Any], LambdaContext], Result]], Callable[[dict[str, Any], Any], Result]]:
    """Decorate a handler of Lambda: set its log context, and raise only errors of `dataforge.errors`."""

    def decorate(
        handler: Callable[[dict[str, Any], LambdaContext], Result],
    ) -> Callable[[dict[str, Any], Any], Result]:
        guarded = _only_our_errors(logger, handler)
        return cast(
            "Callable[[dict[str, Any], Any], Result]",
            logger.inject_lambda_context(guarded, clear_state=True),
        )

    return decorate


def log_failure(logger: Logger, error: BaseException, message: str) -> None:
    """Log class and position of the error, without its text and the text of its cause, which may quote a record."""
    cause = error.__cause__ or error.__context__
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
            failure: Exception = _under_its_code(error)
        except MemoryError:
            # State machines retry and explain this name.
            failure = MemoryError()
        except Exception as error:  # noqa: BLE001  Lambda, Step Functions and X-Ray store the text of exceptions
            log_failure(logger, error, "step failed unexpectedly")
            failure = _named(error)
        # The log has the class of the cause, whose text Lambda would report. Raised here, the error gets no new one.
        failure.__cause__, failure.__context__ = None, None
        raise failure

    return guarded


def _under_its_code(error: DataForgeError) -> DataForgeError:
    """The error as an instance of a class that is named like its code: Lambda reports the name as errorType."""
    kind = type(error)
    if kind.__name__ != error.code:
        error.__class__ = cast("type[DataForgeError]", type(error.code, (kind,), {"__module__": __name__}))
    return error


def _named(error: Exception) -> DataForgeError:
    return StatementFailed(describe(error)) if is_database_error(error) else Unexpected(type(error).__name__)
