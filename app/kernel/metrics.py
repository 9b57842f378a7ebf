"""Without this module nobody would see the hall slow down before its residents do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.kernel import ports

OUTBOUND = Histogram(
    "portal_outbound_seconds",
    "Requests to providers by outcome (status, or failed).",
    ("provider", "operation", "outcome"),
)
CALLBACKS = Counter("portal_callbacks_total", "Provider callbacks by verdict.", ("provider", "kind", "verdict"))
MESSAGES = Counter("portal_messages_total", "Messages handed to a channel by outcome.", ("channel", "outcome"))
TEXTS = Counter(
    "portal_texts_total",
    "Texts of residents by the word of the host app's platform; without a provider nobody was asked.",
    ("provider", "kind", "verdict"),
)
OPERATIONS = Histogram("portal_graphql_seconds", "GraphQL operations by outcome.", ("operation", "outcome"))

SOCKETS = Gauge("portal_sockets", "Sockets that are open for live updates.")
CHANGES = Counter("portal_changes_total", "Changes told to phones over sockets.", ("kind",))


class _DaysLeft(Collector):
    """Looked up whenever somebody asks: certificates are learnt and changed while we run."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        days_left = GaugeMetricFamily(
            "portal_certificate_days_left",
            "Days until a certificate of ours or of a provider ends; below zero it has.",
            labels=("provider", "certificate", "serial"),
        )
        now = datetime.now(UTC)
        for provider, adapter in ports.every(ports.Expiring).items():
            for term in adapter.terms():
                if term.ends is not None:
                    days_left.add_metric((provider, term.name, term.serial), (term.ends - now).total_seconds() / 86_400)
        yield days_left


REGISTRY.register(_DaysLeft())


def exposition() -> bytes:
    """The current figures in the Prometheus text format."""
    return generate_latest(REGISTRY)
