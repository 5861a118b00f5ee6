"""Coroutine tests: each runs to its end in its own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar, cast

_Tests = TypeVar("_Tests", bound=Callable[..., Any])


def played(tests: _Tests) -> _Tests:
    if isinstance(tests, type):
        for name, test in [*vars(tests).items()]:
            if name.startswith("test_") and iscoroutinefunction(test):
                setattr(tests, name, played(test))
        return tests

    @wraps(tests)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(tests(*args, **kwargs))

    return cast("_Tests", run)
