# SPDX-License-Identifier: Apache-2.0
"""Prometheus metrics. Labels are names of destinations and reasons, never anything of a patient or a study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from dromos_gateway.admin.naming import there_are
from dromos_gateway.gateway import Gateway
from dromos_gateway.spool.records import Totals


async def render(gateway: Gateway) -> bytes:
    """The page that Prometheus fetches."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(gateway, await gateway.spool.totals(), await gateway.notifier.waiting()))
    return generate_latest(registry)


class _Snapshot(Collector):
    """Figures of one moment."""

    def __init__(self, gateway: Gateway, totals: Mapping[str, Totals], outbox: Mapping[str, int]) -> None:
        self._gateway = gateway
        self._totals = totals
        self._outbox = outbox

    def collect(self) -> Iterable[Metric]:
        """All metrics."""
        yield from self._receiving()
        yield from self._spool()
        yield from self._destinations()
        yield from self._deliveries()
        yield from self._notifications()
        info = InfoMetricFamily("dromos_configuration", "Configuration in force")
        info.add_metric([], {"hash": self._gateway.configuration.hash})
        yield info
        yield GaugeMetricFamily(
            "dromos_configuration_problems", "Mistakes in the manifests", value=len(self._gateway.problems())
        )

    def _notifications(self) -> Iterable[Metric]:
        notifier = self._gateway.notifier
        sent = CounterMetricFamily("dromos_notifications_sent", "Mails and webhook calls taken", labels=["way"])
        failed = CounterMetricFamily("dromos_notification_failures", "Attempts that failed", labels=["way"])
        waiting = GaugeMetricFamily("dromos_notifications_waiting", "Mails and webhook calls to do", labels=["way"])
        lost = CounterMetricFamily(
            "dromos_notifications_given_up", "Mails and webhook calls that somebody never gets", labels=["way"]
        )
        for way in ("mail", "webhook"):
            sent.add_metric([way], notifier.sent[way])
            failed.add_metric([way], notifier.failed[way])
            waiting.add_metric([way], self._outbox.get(way, 0))
            lost.add_metric([way], notifier.given_up[way])
        yield from (sent, failed, waiting, lost)

    def _receiving(self) -> Iterable[Metric]:
        counters = self._gateway.receiving.counters
        yield CounterMetricFamily("dromos_received_instances", "Instances made durable", value=counters.instances)
        yield CounterMetricFamily("dromos_received_bytes", "Bytes made durable", value=counters.bytes)
        yield CounterMetricFamily("dromos_refused_instances", "Instances not taken", value=counters.refused)
        rejected = CounterMetricFamily(
            "dromos_rejected_associations", "Associations rejected, by result/source/reason", labels=["reason"]
        )
        for numbers, count in self._gateway.acceptor.rejections.items():
            rejected.add_metric(["/".join(map(str, numbers))], count)
        yield rejected
        yield GaugeMetricFamily(
            "dromos_associations", "Associations open now", value=self._gateway.acceptor.associations
        )
        lasted = self._gateway.acceptor.durations
        yield HistogramMetricFamily(
            "dromos_association_duration_seconds",
            "How long associations that are over were open",
            buckets=lasted.buckets(),
            sum_value=lasted.sum,
        )

    def _spool(self) -> Iterable[Metric]:
        space = self._gateway.spool.space
        yield GaugeMetricFamily("dromos_spool_bytes", "Bytes in the spool", value=space.used)
        yield GaugeMetricFamily("dromos_spool_limit_bytes", "Size of the spool", value=space.limit or 0)
        yield GaugeMetricFamily("dromos_spool_available", "1 while instances are taken", value=space.shortage is None)

    def _destinations(self) -> Iterable[Metric]:
        labels = ["namespace", "destination"]
        waiting = GaugeMetricFamily("dromos_waiting_instances", "Instances waiting", labels=labels)
        failed = GaugeMetricFamily("dromos_failed_instances", "Dead letters", labels=labels)
        delivered = CounterMetricFamily("dromos_delivered_instances", "Instances delivered", labels=labels)
        excluded = CounterMetricFamily("dromos_excluded_instances", "Instances excluded by a rule", labels=labels)
        oldest = GaugeMetricFamily("dromos_oldest_waiting_seconds", "Age of the oldest waiting", labels=labels)
        breaker = GaugeMetricFamily("dromos_breaker_open", "1 while sending pauses", labels=labels)
        shares = GaugeMetricFamily(
            "dromos_shares", "Series to go into Kheops albums, waiting or given up", labels=[*labels, "state"]
        )
        now = self._gateway.now()
        for key in there_are(self._gateway.configuration, self._totals):
            namespace, _, name = key.partition("/")
            total = self._totals.get(key, Totals())
            waiting.add_metric([namespace, name], total.waiting)
            failed.add_metric([namespace, name], total.failed)
            delivered.add_metric([namespace, name], total.delivered)
            excluded.add_metric([namespace, name], total.excluded)
            oldest.add_metric([namespace, name], 0.0 if total.oldest is None else max(0.0, now - total.oldest))
            shares.add_metric([namespace, name, "waiting"], total.shares_waiting)
            shares.add_metric([namespace, name, "failed"], total.shares_failed)
            sender = self._gateway.dispatcher.senders.get(key)
            breaker.add_metric([namespace, name], 0 if sender is None or sender.breaker.closed else 1)
        yield from (waiting, failed, delivered, excluded, oldest, breaker, shares)

    def _deliveries(self) -> Iterable[Metric]:
        labels = ["namespace", "destination"]
        size = CounterMetricFamily("dromos_delivered_bytes", "Bytes delivered, as they were received", labels=labels)
        misses = CounterMetricFamily("dromos_pseudonym_misses", "Instances kept for want of a pseudonym", labels=labels)
        took = HistogramMetricFamily(
            "dromos_delivery_duration_seconds", "From received to delivered, waiting included", labels=labels
        )
        for key, sender in self._gateway.dispatcher.senders.items():
            namespace, _, name = key.partition("/")
            figures = sender.figures
            size.add_metric([namespace, name], figures.bytes)
            misses.add_metric([namespace, name], figures.pseudonym_misses)
            took.add_metric([namespace, name], figures.durations.buckets(), figures.durations.sum)
        yield from (size, misses, took)
