"""Without this module nobody would see the hall slow down before its residents do."""

from __future__ import annotations

from prometheus_client import REGISTRY, Counter, Histogram, generate_latest

OUTBOUND = Histogram(
    "portal_outbound_seconds",
    "Requests to providers by outcome (status, or failed).",
    ("provider", "operation", "outcome"),
)
CALLBACKS = Counter("portal_callbacks_total", "Provider callbacks by verdict.", ("provider", "kind", "verdict"))
OPERATIONS = Histogram("portal_graphql_seconds", "GraphQL operations by outcome.", ("operation", "outcome"))


def exposition() -> bytes:
    """The current figures in the Prometheus text format."""
    return generate_latest(REGISTRY)
