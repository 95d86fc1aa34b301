"""Loads in turn, A B A B, so that what else the machine does falls on all alike; only ratios of neighbours count."""

import statistics
import time
from dataclasses import asdict, dataclass

from .drive import Request, drive


@dataclass(frozen=True)
class Case:
    """A load that is held against others."""

    port: int
    request: Request
    connections: int = 32
    # Where wrk runs; the server's own processors were chosen as it was started.
    cores: str | None = None


@dataclass(frozen=True)
class Spread:
    """The median of some figures, and the least and most of them."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, figures):
        return cls(statistics.median(figures), min(figures), max(figures))

    def __str__(self):
        return f"{shown(self.median)} ({shown(self.least)} to {shown(self.most)})"


def shown(figure):
    """Three digits of a figure."""
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.1f}" if abs(figure) >= 10 else f"{figure:.2f}"


def driven(case, seconds, like=None):
    """A slice of a case."""
    return drive(case.port, case.request, seconds, case.connections, case.cores, like)


def in_turn(cases, rounds, seconds, rest=0):
    """Drives each case once a round, each round beginning with another, with so many seconds of rest after each; answers
    the slices of each."""
    slices = {name: [] for name in cases}
    names = list(cases)
    looked_at = {name: driven(cases[name], 1) for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            time.sleep(rest)
            slices[name].append(driven(cases[name], seconds, looked_at[name]))
        print(f"  round {turn + 1} of {rounds}: " +
              ", ".join(f"{name} {slices[name][-1].rate:,.0f}" for name in names))
    return slices


def ratio(slices, name, base, of=lambda slice: slice.rate):
    """What one got over what another got in the same round."""
    return Spread.of([of(one) / of(other) for one, other in zip(slices[name], slices[base])])


def summary(slices):
    """Each case's own figures, for the record."""
    return {name: {"rate": asdict(Spread.of([one.rate for one in of])),
                   "p50_us": asdict(Spread.of([one.p50_us for one in of])),
                   "p99_us": asdict(Spread.of([one.p99_us for one in of]))}
            for name, of in slices.items()}
