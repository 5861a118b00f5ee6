"""The error codes of the protocol that the simulated brokers answer, as aiokafka has them."""

from __future__ import annotations

from typing import Final

from aiokafka import errors

NONE: Final = 0
OFFSET_OUT_OF_RANGE: Final[int] = errors.OffsetOutOfRangeError.errno
UNKNOWN_TOPIC: Final[int] = errors.UnknownTopicOrPartitionError.errno
LEADER_NOT_AVAILABLE: Final[int] = errors.LeaderNotAvailableError.errno
NOT_LEADER: Final[int] = errors.NotLeaderForPartitionError.errno
NOT_ENOUGH_REPLICAS: Final[int] = errors.NotEnoughReplicasError.errno
NOT_ENOUGH_REPLICAS_AFTER_APPEND: Final[int] = errors.NotEnoughReplicasAfterAppendError.errno
TOPIC_AUTHORIZATION_FAILED: Final[int] = errors.TopicAuthorizationFailedError.errno
GROUP_AUTHORIZATION_FAILED: Final[int] = errors.GroupAuthorizationFailedError.errno
UNKNOWN_SERVER_ERROR: Final = -1
#: A broker's disk has failed; aiokafka does not know the code.
KAFKA_STORAGE_ERROR: Final = 56
REQUEST_TIMED_OUT: Final[int] = errors.RequestTimedOutError.errno
COORDINATOR_LOADING: Final[int] = errors.CoordinatorLoadInProgressError.errno
COORDINATOR_NOT_AVAILABLE: Final[int] = errors.GroupCoordinatorNotAvailableError.errno
NOT_COORDINATOR: Final[int] = errors.NotCoordinatorForGroupError.errno
ILLEGAL_GENERATION: Final[int] = errors.IllegalGenerationError.errno
UNKNOWN_MEMBER_ID: Final[int] = errors.UnknownMemberIdError.errno
REBALANCE_IN_PROGRESS: Final[int] = errors.RebalanceInProgressError.errno
OUT_OF_ORDER_SEQUENCE: Final[int] = errors.OutOfOrderSequenceNumber.errno
INVALID_EPOCH: Final[int] = errors.InvalidProducerEpoch.errno
MEMBER_ID_REQUIRED: Final[int] = errors.MemberIdRequired.errno
