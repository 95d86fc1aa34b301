"""jeton's checks against the frameworks it could have been written in, and against other products."""

from contextlib import ExitStack

from . import contenders
from .contenders import WORK, Jeton
from .goals import Goal
from .pairs import Case, in_turn, ratio, summary

# The server has one processor to itself and the load another, so that what a request costs is all that is compared.
SERVER, LOAD = "0", "1"

ROCKET = "Rocket hello"


def frameworks(folder, rounds, seconds):
    """On one processor each, with a million tokens."""
    with ExitStack() as stack:
        cases = {}
        for name, start in {
            ROCKET: lambda: contenders.hello("hello-rocket", SERVER),
            "hyper hello": lambda: contenders.hello("hello-hyper", SERVER),
            "nginx return 200": lambda: contenders.nginx(WORK / "nginx", SERVER),
        }.items():
            server, request = start()
            stack.enter_context(server)
            cases[name] = Case(server.port, request, cores=LOAD)
        jeton = stack.enter_context(Jeton(folder, SERVER))
        slices, against = {}, {}
        # Apart, since what was noted of many tokens is still written down while the next has its turn.
        for token in ("hot", "random"):
            asked = {"gate": jeton.gate, "introspection": jeton.introspection, "tokens/self": jeton.own}
            asked = {f"{name}, {token}": Case(jeton.port, ask(token), cores=LOAD) for name, ask in asked.items()}
            if token == "random":
                cases = {ROCKET: cases[ROCKET]}
            seen = in_turn(cases | asked, rounds, seconds)
            against |= {name: ratio(seen, name, ROCKET) for name in seen}
            if token == "hot":
                worst = ratio(seen, "gate, hot", ROCKET, lambda slice: slice.p99_us)
            slices = seen | slices
    hello = f"/ {ROCKET}"
    bounds = {"gate, hot": 1.4, "gate, random": 0.9, "introspection, hot": 0.80, "tokens/self, hot": 0.80}
    goals = [Goal(f"{name} {hello}", against[name], bound) for name, bound in bounds.items()]
    goals.append(Goal(f"p99 of gate, hot {hello}, 32 connections", worst, 1.5, most=True))
    return goals, {"slices": summary(slices), "against": {name: str(spread) for name, spread in against.items()}}


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
