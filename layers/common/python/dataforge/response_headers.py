"""The headers of every answer of the HTTP API, of functions and of API Gateway itself, for browsers."""

from __future__ import annotations

from collections.abc import Mapping

EVERY_ANSWER: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    # Without includeSubDomains: a domain of the deployer's own may have subdomains without TLS.
    "Strict-Transport-Security": "max-age=31536000",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
"""A value of a gateway response is in single quotes, so it can contain none."""

DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""Content-Security-Policy of an answer that is not a page: a browser that shows it loads and runs nothing."""
