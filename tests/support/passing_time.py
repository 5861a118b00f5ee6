"""A time that passes only by waiting."""

from dataclasses import dataclass, field


@dataclass
class PassingTime:
    """A clock that advances by sleeping, and the sleeps; in seconds."""

    now: float = 0.0
    waits: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds
