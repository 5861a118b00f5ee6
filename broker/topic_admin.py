"""Creates the declared topics on the broker, and checks existing ones."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    KafkaTimeoutError,
    NoError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)

from boundary.errors import SmartRegionError
from broker.clients import CONNECT_SECONDS, administering
from broker.errors import BrokerRefusedError, TopicMismatchError
from broker.security import PLAINTEXT, BrokerSecurity
from events.topics import TopicSpec

logger = logging.getLogger(__name__)

#: kafka-python's outcome of a successful alteration.
ALTERED: Final = "OK"
READY_SECONDS: Final = 60.0
"""How long created topics may take to have a leader: a broker creates a folder and files for each
partition, and 150 partitions took more than ten seconds on a slow disk."""
MISSING_PAUSE_SECONDS: Final = 1.0
PROPAGATION_SECONDS: Final = 10.0
PROPAGATION_PAUSE_SECONDS: Final = 0.05
AGREEING_ANSWERS: Final = 3
"""How many consecutive answers must contain the created topics."""
ABSENT: Final = "absent"
"""Shown as the actual value of a topic or a setting that does not exist."""
NO_SETTINGS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TopicsReport:
    """The names of created topics, and of topics that already existed as declared."""

    created: tuple[str, ...]
    verified: tuple[str, ...]
    altered: tuple[str, ...] = ()
    """The verified topics whose settings were altered first."""


def apply_topics(
    bootstrap: str,
    specs: Sequence[TopicSpec],
    *,
    alter_settings: bool = False,
    security: BrokerSecurity = PLAINTEXT,
) -> TopicsReport:
    """Create missing topics, then check all; a second call creates nothing.

    With `alter_settings`, an existing topic gets the declared settings; its partitions and
    replication are never altered. Raises TopicMismatchError for the first remaining difference,
    SmartRegionError, BrokerUnreachableError or BrokerRefusedError.
    """
    with administering(bootstrap, what="topics", security=security) as admin:
        names = _missing(admin, specs)
        missing = [spec for spec in specs if spec.name in names]
        created = _create(admin, missing)
        _wait_until_ready(admin, bootstrap, [spec.name for spec in missing])
        if missing:
            _check_created(admin, missing)
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
    tolerate: Callable[[TopicMismatchError], None] | None = None,
    wait_seconds: float = 0.0,
) -> tuple[str, ...]:
    """Check that the topics exist as declared; return those whose settings could not be checked.

    Our user may not be allowed to describe them. `tolerate` receives differences in settings that
    may be old (`TopicSpec.tolerated`); without it they are errors like any other. `wait_seconds`
    bounds the wait for missing topics. Changes nothing. Raises the errors of `apply_topics`.
    """
    deadline = time.monotonic() + wait_seconds
    with administering(
        bootstrap, what="topics", security=security, connect_seconds=connect_seconds
    ) as admin:
        missing = _missing(admin, specs) if wait_seconds else ()
        if missing:
            logger.info("waiting for topics to be created: %s", ", ".join(missing))
        while missing and time.monotonic() < deadline:
            time.sleep(MISSING_PAUSE_SECONDS)
            missing = _missing(admin, specs)
        return _check(admin, specs, tolerate)


def _missing(admin: Any, specs: Sequence[TopicSpec]) -> list[str]:  # noqa: ANN401
    names = [spec.name for spec in specs]
    return sorted({*names} - _described(admin, names).keys())


class SeenTopic(NamedTuple):
    """A topic on the broker; a recreated topic has another identity."""

    identity: str
    partitions: int
    settings: Mapping[str, str] = NO_SETTINGS
    """All settings in force, including the broker's defaults; empty if they are unknown."""


def seen_topics(admin: Any, names: Iterable[str]) -> dict[str, SeenTopic]:  # noqa: ANN401 - untyped
    """Return those of the named topics that exist. Raises BrokerRefusedError."""
    return {
        name: SeenTopic(str(topic.get("topic_id")), len(topic["partitions"]))
        for name, topic in _described(admin, names).items()
    }


def with_settings(admin: Any, seen: Mapping[str, SeenTopic]) -> dict[str, SeenTopic]:  # noqa: ANN401
    """Return topics with their settings, as far as this user may describe them."""
    settings = _settings_by_topic(admin, seen)
    return {
        name: topic._replace(settings=settings.get(name, NO_SETTINGS))
        for name, topic in seen.items()
    }


def check_partitions(counts: Mapping[str, int | str], expected: int) -> None:
    """Raise TopicMismatchError for the first topic with another number of partitions.

    `counts` has ABSENT for a topic that does not exist.
    """
    for name, actual in counts.items():
        if actual != expected:
            raise TopicMismatchError(name, "partitions", expected=expected, actual=actual)


def alter_settings(
    admin: Any,  # noqa: ANN401 - untyped client
    names: Iterable[str],
    settings: Mapping[str, Any],
) -> None:
    """Set settings of topics, in the format of the client's `ConfigResource`.

    Raises TopicAuthorizationFailedError, or BrokerRefusedError for any other problem.
    """
    answers = admin.alter_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name, dict(settings)) for name in names],
        # Otherwise the client looks up the settings first, and fails with its own error if this
        # user may not see them.
        raise_on_unknown=False,
    )
    for name, outcome in answers["topic"].items():
        if outcome != ALTERED:
            if TopicAuthorizationFailedError.__name__ in outcome:
                raise TopicAuthorizationFailedError(name)
            raise BrokerRefusedError("alter the settings of a topic", name, cause=outcome)


def wait_for_settings(
    admin: Any,  # noqa: ANN401 - untyped client
    names: Collection[str],
    settings: Mapping[str, str],
) -> None:
    """Wait until a broker shows altered settings of topics, at most PROPAGATION_SECONDS.

    The controller knows them first. Does not wait for settings that our user may not see.
    """
    deadline = time.monotonic() + PROPAGATION_SECONDS
    while time.monotonic() < deadline:
        shown = _settings_by_topic(admin, names)
        if all(settings.items() <= (shown.get(name) or settings).items() for name in names):
            return
        time.sleep(PROPAGATION_PAUSE_SECONDS)


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
        elif outcome is not TopicAlreadyExistsError:  # Another command may just have created it.
            cause = topic.get("error_message") or outcome.__name__
            raise BrokerRefusedError("create a topic", topic["name"], cause=cause)
    return created


def _wait_until_ready(admin: Any, bootstrap: str, names: Sequence[str]) -> None:  # noqa: ANN401
    try:
        admin.wait_for_topics(names, timeout_ms=int(READY_SECONDS * 1000))
    except KafkaTimeoutError as error:
        raise SmartRegionError(
            f"topics: {', '.join(names)} created, but one or more not ready on {bootstrap} after"
            f" {READY_SECONDS:g} s: check in the brokers' logs that all are up and write to their"
            " disks in time, then run `smart-region topics apply` again: what exists stays"
        ) from error


def _check_created(admin: Any, specs: Sequence[TopicSpec]) -> None:  # noqa: ANN401
    """Check topics that were just created: some brokers may learn of them later than others.

    Each answer may come from another broker, so several in a row must contain all topics.
    """
    deadline = time.monotonic() + PROPAGATION_SECONDS
    agreeing = 0
    while agreeing < AGREEING_ANSWERS:
        try:
            _check(admin, specs)
        except (TopicMismatchError, UnknownTopicOrPartitionError) as error:
            if getattr(error, "actual", ABSENT) != ABSENT or time.monotonic() > deadline:
                raise
            agreeing = 0
            time.sleep(PROPAGATION_PAUSE_SECONDS)
        else:
            agreeing += 1


def _alter(admin: Any, specs: Sequence[TopicSpec]) -> set[str]:  # noqa: ANN401
    """Set the declared settings that differ; others stay. Return the names of altered topics."""
    actual = _settings_by_topic(admin, [spec.name for spec in specs])
    differing = {
        spec.name: {
            setting: value
            for setting, value in spec.config.items()
            if actual[spec.name].get(setting) != value
        }
        for spec in specs
        if actual.get(spec.name)  # Empty if our user may not describe them.
    }
    changes = {name: settings for name, settings in differing.items() if settings}
    for name, settings in changes.items():
        alter_settings(admin, [name], settings)
        wait_for_settings(admin, [name], settings)
    return set(changes)


def _check(
    admin: Any,  # noqa: ANN401
    specs: Sequence[TopicSpec],
    tolerate: Callable[[TopicMismatchError], None] | None = None,
) -> tuple[str, ...]:
    """Check topics; return the names of those whose settings our user may not describe."""
    existing = _described(admin, [spec.name for spec in specs])
    settings = _settings_by_topic(admin, existing)
    for spec in specs:
        if spec.name not in existing:
            raise TopicMismatchError(
                spec.name, "partitions", expected=spec.partitions, actual=ABSENT
            )
        partitions = existing[spec.name]["partitions"]
        replication = min(len(partition["replica_nodes"]) for partition in partitions)
        for field, expected, actual in (
            ("partitions", spec.partitions, len(partitions)),
            ("replication", spec.replication, replication),
        ):
            if actual != expected:
                raise TopicMismatchError(spec.name, field, expected=expected, actual=actual)
        _check_settings(spec, settings.get(spec.name, {}), tolerate)
    return tuple(spec.name for spec in specs if not settings.get(spec.name))


def _check_settings(
    spec: TopicSpec,
    actual: Mapping[str, str],
    tolerate: Callable[[TopicMismatchError], None] | None,
) -> None:
    if not actual:
        return  # Our user may not describe them.
    for setting, expected in spec.config.items():
        if actual.get(setting) != expected:
            error = TopicMismatchError(
                spec.name, setting, expected=expected, actual=actual.get(setting, ABSENT)
            )
            if tolerate is None or setting not in spec.tolerated:
                raise error
            tolerate(error)


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
