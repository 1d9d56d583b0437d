"""Fixtures of the server that stands in for OpenAlex."""

from tests.support.openalex_server import at, server, waits  # noqa: F401
