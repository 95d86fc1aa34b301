"""How late answers are under a load that doesn't wait for them: wrk's does, so oha comes in here."""

import json
import subprocess
from contextlib import ExitStack

from . import contenders
from .against import LOAD, ROCKET, SERVER
from .contenders import WORK, Jeton
from .drive import WrongAnswer, drive, on
from .goals import Goal
from .pairs import Spread


def late(port, request, rate, seconds):
    """The 99th percentile in milliseconds, from when each request was due rather than from when it was sent."""
    headers = [word for name, value in request.headers.items() for word in ("-H", f"{name}: {value}")]
    command = [WORK / "tools/bin/oha", "--no-tui", "--output-format", "json", "-z", f"{seconds}s", "-c", "32",
               "-q", str(rate), "--latency-correction", *headers, f"http://127.0.0.1:{port}{request.path}"]
    seen = json.loads(subprocess.run(on(LOAD) + command, check=True, capture_output=True, text=True).stdout)
    # What was on its way at the end is cut off, and told as an error.
    statuses = seen["statusCodeDistribution"]
    if set(statuses) != {str(request.status)} or statuses[str(request.status)] < 0.95 * rate * seconds:
        raise WrongAnswer(f"{request.path} at {rate} a second: {statuses} {seen['errorDistribution']}")
    return seen["latencyPercentiles"]["p99"] * 1000


def fixed_rate(folder, rounds, seconds):
    """Both at half of what Rocket's hello can do."""
    with ExitStack() as stack:
        server, hello = contenders.hello("hello-rocket", SERVER)
        stack.enter_context(server)
        jeton = stack.enter_context(Jeton(folder, SERVER))
        drive(jeton.port, jeton.gate(), 1, cores=LOAD)
        rate = round(drive(server.port, hello, seconds, cores=LOAD).rate / 2)
        cases = {ROCKET: (server.port, hello), "gate": (jeton.port, jeton.gate())}
        p99 = {name: [] for name in cases}
        for turn in range(rounds):
            for name in sorted(cases, reverse=turn % 2 == 1):
                p99[name].append(late(*cases[name], rate, seconds))
            print(f"  round {turn + 1} of {rounds}: " +
                  ", ".join(f"{name} {of[-1]:.2f} ms" for name, of in p99.items()))
    seen = Spread.of([one / other for one, other in zip(p99["gate"], p99[ROCKET])])
    return [Goal(f"p99 of gate, hot / {ROCKET}, at {rate:,} a second", seen, 1.5, most=True)], {"rate": rate, "p99_ms": p99}
