"""Makes the broker's topics what they are declared to be, and tells where they are not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    NoError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from broker.administration import administering
from broker.clients import CONNECT_SECONDS, PLAINTEXT, BrokerSecurity
from broker.errors import BrokerRefusedError, TopicMismatchError
from events.topics import TopicSpec

__all__ = [
    "ABSENT",
    "ALTERED",
    "SeenTopic",
    "TopicsReport",
    "apply_topics",
    "seen_topics",
    "verify_topics",
]

#: kafka-python's word for it.
ALTERED: Final = "OK"
HEARD_SECONDS: Final = 10.0
HEARD_PAUSE_SECONDS: Final = 0.05
ABSENT: Final = "absent"
"""What a topic's field, or a setting, is told to be that is not there."""


@dataclass(frozen=True, slots=True)
class TopicsReport:
    """Names of the topics that were created, and of those that were there and are right."""

    created: tuple[str, ...]
    verified: tuple[str, ...]
    altered: tuple[str, ...] = ()
    """Those of the verified whose settings had to be altered first."""


def apply_topics(
    bootstrap: str,
    specs: Sequence[TopicSpec],
    *,
    alter_settings: bool = False,
    security: BrokerSecurity = PLAINTEXT,
    connect_seconds: float = CONNECT_SECONDS,
) -> TopicsReport:
    """Create the topics that are missing, then check all; done twice, it creates nothing.

    A topic that exists is altered only where `alter_settings` says so, and never in its partitions
    or copies: that is a person's decision. Raises TopicMismatchError on the first difference that
    is left, BrokerUnreachableError or BrokerRefusedError where the broker cannot or will not.
    """
    with administering(
        bootstrap, what="topics", security=security, connect_seconds=connect_seconds
    ) as admin:
        existing = _partitions_by_topic(admin, specs)
        missing = [spec for spec in specs if spec.name not in existing]
        created = _create(admin, missing)
        altered = _alter(admin, specs) if alter_settings else set()
        _check(admin, specs)
    return TopicsReport(
        created=tuple(spec.name for spec in specs if spec.name in created),
        verified=tuple(spec.name for spec in specs if spec.name not in created),
        altered=tuple(spec.name for spec in specs if spec.name in altered),
    )


def verify_topics(
    bootstrap: str,
    specs: Sequence[TopicSpec],
    *,
    security: BrokerSecurity = PLAINTEXT,
    connect_seconds: float = CONNECT_SECONDS,
    bear: Callable[[TopicMismatchError], None] | None = None,
) -> None:
    """Check that the topics exist as declared, and change nothing. Raises as `apply_topics`.

    `bear` is told of settings that may differ for a while (`TopicSpec.borne`); without it they are
    errors like any other. Settings are checked where the broker shows them, which takes the right
    to describe them.
    """
    with administering(
        bootstrap, what="topics", security=security, connect_seconds=connect_seconds
    ) as admin:
        _check(admin, specs, bear)


class SeenTopic(NamedTuple):
    """A topic on the broker: one that is deleted and made anew has another identity."""

    identity: str
    partitions: int


def seen_topics(admin: Any, names: Iterable[str]) -> dict[str, SeenTopic]:  # noqa: ANN401 - untyped
    """Return those of some topics that there are. Raises BrokerRefusedError."""
    return {
        name: SeenTopic(str(topic.get("topic_id")), len(topic["partitions"]))
        for name, topic in _described(admin, names).items()
    }


def _create(admin: Any, specs: Sequence[TopicSpec]) -> set[str]:  # noqa: ANN401 - untyped client
    if not specs:
        return set()
    answer = admin.create_topics(
        {
            spec.name: {
                "num_partitions": spec.partitions,
                "replication_factor": spec.replication,
                "configs": dict(spec.config),
            }
            for spec in specs
        },
        raise_errors=False,
    )
    created = set()
    for topic in answer["topics"]:
        outcome = for_code(topic["error_code"])
        if outcome is NoError:
            created.add(topic["name"])
        elif outcome is not TopicAlreadyExistsError:  # Somebody else may just have created it.
            cause = topic.get("error_message") or outcome.__name__
            raise BrokerRefusedError("create a topic", topic["name"], cause=cause)
    admin.wait_for_topics([spec.name for spec in specs])
    return created


def _alter(admin: Any, specs: Sequence[TopicSpec]) -> set[str]:  # noqa: ANN401
    """Give topics the declared settings that differ; what is not declared stays as it is."""
    changes = _differing_settings(admin, specs)
    if not changes:
        return set()
    answer = admin.alter_configs(
        [ConfigResource(ConfigResourceType.TOPIC, *change) for change in changes.items()]
    )
    for name, outcome in answer["topic"].items():
        if outcome != ALTERED:
            raise BrokerRefusedError("alter the settings of a topic", name, cause=outcome)
    # The controller has them; the broker that is asked next hears of them a little later.
    deadline = time.monotonic() + HEARD_SECONDS
    while _differing_settings(admin, specs) and time.monotonic() < deadline:
        time.sleep(HEARD_PAUSE_SECONDS)
    return set(changes)


def _differing_settings(
    admin: Any,  # noqa: ANN401
    specs: Sequence[TopicSpec],
) -> dict[str, dict[str, str]]:
    """Give, by topic, the declared settings that it has otherwise or not at all."""
    actual = _settings_by_topic(admin, [spec.name for spec in specs])
    changes = {
        spec.name: {
            setting: value
            for setting, value in spec.config.items()
            if actual[spec.name].get(setting) != value
        }
        for spec in specs
        if actual.get(spec.name)  # Settings that are not shown are not ours to judge.
    }
    return {name: settings for name, settings in changes.items() if settings}


def _check(
    admin: Any,  # noqa: ANN401
    specs: Sequence[TopicSpec],
    bear: Callable[[TopicMismatchError], None] | None = None,
) -> None:
    existing = _partitions_by_topic(admin, specs)
    settings = _settings_by_topic(admin, existing)
    for spec in specs:
        partitions = existing.get(spec.name)
        if partitions is None:
            raise TopicMismatchError(
                spec.name, "partitions", expected=spec.partitions, actual=ABSENT
            )
        if len(partitions) != spec.partitions:
            raise TopicMismatchError(
                spec.name, "partitions", expected=spec.partitions, actual=len(partitions)
            )
        replication = min(len(partition["replica_nodes"]) for partition in partitions)
        if replication != spec.replication:
            raise TopicMismatchError(
                spec.name, "replication", expected=spec.replication, actual=replication
            )
        _check_settings(spec, settings.get(spec.name, {}), bear)


def _check_settings(
    spec: TopicSpec,
    actual: Mapping[str, str],
    bear: Callable[[TopicMismatchError], None] | None,
) -> None:
    if not actual:
        return  # The broker does not show them to this user: nothing can be said.
    for setting, expected in spec.config.items():
        if actual.get(setting) != expected:
            error = TopicMismatchError(
                spec.name, setting, expected=expected, actual=actual.get(setting, ABSENT)
            )
            if bear is None or setting not in spec.borne:
                raise error
            bear(error)


def _partitions_by_topic(
    admin: Any,  # noqa: ANN401
    specs: Iterable[TopicSpec],
) -> dict[str, list[dict[str, Any]]]:
    described = _described(admin, [spec.name for spec in specs])
    return {name: topic["partitions"] for name, topic in described.items()}


def _described(admin: Any, names: Iterable[str]) -> dict[str, dict[str, Any]]:  # noqa: ANN401
    found = {}
    for topic in admin.describe_topics(list(names)):
        outcome = for_code(topic["error_code"])
        if outcome is NoError:
            found[topic["name"]] = topic
        elif outcome is not UnknownTopicOrPartitionError:
            raise BrokerRefusedError("describe a topic", topic["name"], cause=outcome.__name__)
    return found


def _settings_by_topic(admin: Any, names: Iterable[str]) -> dict[str, dict[str, str]]:  # noqa: ANN401
    wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    if not wanted:
        return {}
    described = admin.describe_configs(wanted, config_filter="all").get("topic", {})
    return {
        name: {setting: entry["value"] for setting, entry in settings.items()}
        for name, settings in described.items()
    }
