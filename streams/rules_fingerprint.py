"""The fingerprint of the rules that refuse records."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from hashlib import sha256
from typing import Final

from events.contracts.json_schema import schema_of
from events.dead_letters import RecordOrigin
from events.producers.model import Producers
from events.record_rules import RecordRules
from events.registry import FACTS
from streams.decisions import AcceptedLosses

_DIGITS: Final = 16


def fingerprint_of(
    rules: RecordRules,
    producers: Producers | None,
    skipped: Collection[RecordOrigin],
    accepted: AcceptedLosses,
) -> str:
    """Return a digest of the contracts, the rules, the owners and the decisions of operators.

    If it changes, a record that was accepted before may now be refused, and has no dead letter; a
    forwarded record may be among those whose loss was accepted.
    """
    milestones = {name: sorted(ids) for name, ids in (rules.milestones or {}).items()}
    owners = "" if producers is None else producers.model_dump_json()
    what = (
        _contracts(),
        rules.tolerance,
        sorted(milestones.items()),
        owners,
        sorted(skipped),
        sorted(
            one.model_dump_json()
            for losses in accepted.values()
            for one in losses
            if one.verdict == "loss_accepted"
        ),
    )
    return sha256(repr(what).encode()).hexdigest()[:_DIGITS]


@cache
def _contracts() -> str:
    return repr([schema_of(FACTS[kind]) for kind in sorted(FACTS)])
