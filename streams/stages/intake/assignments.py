"""Whose identifiers are, as IDENTITY tells it: of those of a partition INTAKE keeps the newest word."""

from __future__ import annotations

from schemas.columns import decode_columns
from streams.runtime.failures import refuse_newer
from streams.runtime.stage import Records, View
from streams.stages.intake.entries import ASSIGNED, Assigned, fingerprint
from streams.stages.intake.metrics import FOREIGN_ASSIGNMENTS
from streams.stages.invariants import broken

_PATHS = ("identifier.namespace", "identifier.value", "customer", "version")


def keep(records: Records, view: View) -> None:
    """Keep the assignments in ``records``, each unless one of a higher version is known."""
    columns = decode_columns([record.value for record in records], "assignment")
    refuse_newer(columns.errors, records)
    FOREIGN_ASSIGNMENTS.inc(len(columns.errors))
    for at, namespace, value, customer, version in zip(columns.positions, *map(columns.column, _PATHS), strict=True):
        key = fingerprint(ASSIGNED, f"{namespace}:{value}")
        known: Assigned | None = view.get(key)
        if known is None or version > known.version:
            view.put(key, Assigned(customer, version))
        elif version == known.version and customer != known.customer:
            broken(
                "an_assignment_of_one_version_has_one_customer", partition=records.partition, offset=records[at].offset
            )
