"""How cost grows with tokens, connections and processors."""

import time
from contextlib import ExitStack

from . import contenders
from .against import LOAD, ROCKET, SERVER, SETTLED
from .contenders import Jeton
from .drive import Load, drive
from .goals import Goal
from .pairs import Case, in_turn, ratio, summary

CONNECTIONS = (1, 8, 32, 128, 512, 1000)


def tokens(folders, rounds, seconds):
    """Databases of different size, side by side; memory is what each has after that."""
    with ExitStack() as stack:
        servers = {count: stack.enter_context(Jeton(folder, SERVER)) for count, folder in folders.items()}
        def asked(token):
            return {(count, token): Case(jeton.port, jeton.gate(token), cores=LOAD) for count, jeton in servers.items()}

        slices = in_turn(asked("hot"), rounds, seconds) | in_turn(asked("random"), rounds, seconds, rest=SETTLED)
        memory = {count: jeton.server.resident_mb() for count, jeton in servers.items()}
    few, many = min(folders), max(folders)
    goals = [Goal(f"gate, {token}: {many:,} tokens / {few:,}", ratio(slices, (many, token), (few, token)), 0.80)
             for token in ("hot", "random")]
    points = [{"tokens": count, "token": token, "memory_mb": memory[count], **figures}
              for (count, token), figures in summary(slices).items()]
    return goals, {"points": points}


def connections(folder, rounds, seconds):
    """A hot token, from few connections to many."""
    with ExitStack() as stack:
        jeton = stack.enter_context(Jeton(folder, SERVER))
        server, hello = contenders.hello("hello-rocket", SERVER)
        stack.enter_context(server)
        cases = {}
        for count in CONNECTIONS:
            cases["gate", count] = Case(jeton.port, jeton.gate(), count, LOAD)
            cases[ROCKET, count] = Case(server.port, hello, count, LOAD)
        slices = in_turn(cases, rounds, seconds)
    with Jeton(folder, SERVER) as jeton:
        # From few to many, since what connections took isn't all given back.
        memory = {count: resident_under(jeton, count) for count in CONNECTIONS}
    return [], {"points": [{"of": name, "connections": count, **figures,
                            **({"memory_mb": memory[count]} if name == "gate" else {})}
                           for (name, count), figures in summary(slices).items()]}


def resident_under(jeton, count):
    """What jeton has in memory while so many connections ask."""
    load = Load(jeton.port, jeton.gate(), 2, count)
    time.sleep(1)
    memory = jeton.server.resident_mb()
    load.result()
    return memory


def processors(folder, rounds, seconds, most):
    """The server on one processor, two, and so on; the load is on the last, which at the end they share."""
    slices = {count: [] for count in range(1, most + 1)}
    memory = {}
    for _ in range(rounds):
        for count, seen in slices.items():
            with Jeton(folder, f"0-{count - 1}") as jeton:
                like = drive(jeton.port, jeton.gate(), 1, cores=str(most - 1))
                seen.append(drive(jeton.port, jeton.gate(), seconds, cores=str(most - 1), like=like))
                memory[count] = jeton.server.resident_mb()
    return [], {"points": [{"processors": count, "memory_mb": memory[count], **figures}
                           for count, figures in summary(slices).items()]}
