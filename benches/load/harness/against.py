"""jeton's checks against the frameworks it could have been written in, and against other products."""

from contextlib import ExitStack
from dataclasses import asdict

from . import contenders
from .contenders import WORK, Jeton
from .goals import Goal
from .pairs import Case, in_turn, ratio, summary

# The server has one processor to itself and the load another, so that what a request costs is all that is compared.
SERVER, LOAD = "0", "1"

ROCKET = "Rocket hello"

# Seconds until jeton has written down what it gathered of a slice's uses: it waits for ten of quiet with most of that.
SETTLED = 15


def frameworks(folder, rounds, seconds):
    """On one processor each, with a million tokens."""
    with ExitStack() as stack:
        bare = {}
        for name, start in {
            ROCKET: lambda: contenders.hello("hello-rocket", SERVER),
            "hyper hello": lambda: contenders.hello("hello-hyper", SERVER),
            "nginx return 200": lambda: contenders.nginx(WORK / "nginx", SERVER),
        }.items():
            server, request = start()
            stack.enter_context(server)
            bare[name] = Case(server.port, request, cores=LOAD)
        jeton = stack.enter_context(Jeton(folder, SERVER))
        ways = {"gate": jeton.gate, "introspection": jeton.introspection, "tokens/self": jeton.own}

        def asked(token):
            return {f"{name}, {token}": Case(jeton.port, ask(token), cores=LOAD) for name, ask in ways.items()}

        hot = in_turn(bare | asked("hot"), rounds, seconds)
        # Apart, and with a rest: what was noted of many tokens is still written down while the next has its turn, on the
        # processor that Rocket's hello has too.
        random = in_turn({ROCKET: bare[ROCKET]} | asked("random"), rounds, seconds, rest=SETTLED)
    against = {name: ratio(seen, name, ROCKET) for seen in (random, hot) for name in seen}
    bounds = {"gate, hot": 1.4, "gate, random": 0.9, "introspection, hot": 0.80, "tokens/self, hot": 0.80}
    goals = [Goal(f"{name} / {ROCKET}", against[name], bound) for name, bound in bounds.items()]
    p99 = ratio(hot, "gate, hot", ROCKET, lambda slice: slice.p99_us)
    goals.append(Goal(f"p99 of gate, hot / {ROCKET}, 32 connections", p99, 1.5, most=True))
    return goals, {"slices": summary(random | hot), "against": {name: asdict(of) for name, of in against.items()}}


def products(folder, rounds, seconds):
    """Both processors for whoever wants them, the load included."""
    bounds = {"better-auth": 80, "knox": 60, "oidc-provider": 10}
    with ExitStack() as stack:
        jeton = stack.enter_context(Jeton(folder))
        cases = {"gate, hot": Case(jeton.port, jeton.gate())}
        for name in bounds:
            server, request = contenders.rival(name)
            stack.enter_context(server)
            cases[name] = Case(server.port, request)
        slices = in_turn(cases, rounds, seconds)
    goals = [Goal(f"gate, hot / {name}", ratio(slices, "gate, hot", name), bound)
             for name, bound in bounds.items()]
    return goals, {"slices": summary(slices)}
