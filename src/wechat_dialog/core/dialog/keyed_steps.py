"""Step functions that require an `idempotency_key`, for type checkers.

Whoever runs the step passes the key, so the author does not. A `ParamSpec` cannot leave out a
keyword, and mypy does not accept a function with named parameters for a protocol with `*args`; so
there is a protocol for each number of arguments before the key.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

__all__ = ["Keyed0", "Keyed1", "Keyed2", "Keyed3", "Keyed4"]

T_co = TypeVar("T_co", covariant=True)
A1_contra = TypeVar("A1_contra", contravariant=True)
A2_contra = TypeVar("A2_contra", contravariant=True)
A3_contra = TypeVar("A3_contra", contravariant=True)
A4_contra = TypeVar("A4_contra", contravariant=True)


class Keyed0(Protocol[T_co]):
    """A step function whose only parameter is the key."""

    def __call__(self, /, *, idempotency_key: str) -> T_co:
        """Run the step."""
        ...


class Keyed1(Protocol[A1_contra, T_co]):
    """A step function of one argument and the key."""

    def __call__(self, a1: A1_contra, /, *, idempotency_key: str) -> T_co:
        """Run the step."""
        ...


class Keyed2(Protocol[A1_contra, A2_contra, T_co]):
    """A step function of two arguments and the key."""

    def __call__(self, a1: A1_contra, a2: A2_contra, /, *, idempotency_key: str) -> T_co:
        """Run the step."""
        ...


class Keyed3(Protocol[A1_contra, A2_contra, A3_contra, T_co]):
    """A step function of three arguments and the key."""

    def __call__(
        self, a1: A1_contra, a2: A2_contra, a3: A3_contra, /, *, idempotency_key: str
    ) -> T_co:
        """Run the step."""
        ...


class Keyed4(Protocol[A1_contra, A2_contra, A3_contra, A4_contra, T_co]):
    """A step function of four arguments and the key."""

    def __call__(
        self, a1: A1_contra, a2: A2_contra, a3: A3_contra, a4: A4_contra, /, *, idempotency_key: str
    ) -> T_co:
        """Run the step."""
        ...
