"""Runs wrk, a slice of time at once, and judges what it saw."""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

SCRIPT = Path(__file__).with_name("drive.lua")

# Stands where a token of the list belongs, and is as long, so that the length of a body is right.
TOKEN = "@" * 76


@dataclass(frozen=True)
class Request:
    """What is sent, and what a right answer to it is."""

    path: str
    method: str = "GET"
    headers: dict = field(default_factory=dict)
    body: str | None = None
    # One, or several where each is right.
    status: int | tuple[int, ...] = 200
    expect: str | None = None
    # A header of the reply, as it is spelled there, and its value.
    header: tuple[str, str] | None = None
    # A file of lines as long as `place`, of which one takes its place.
    tokens: Path | None = None
    place: str = TOKEN
    # Whether each of those is sent once, from that place of the list on, rather than any at random.
    once_from: int | None = None
    # Milliseconds from a reply to the next request of a connection.
    delay: int | None = None


@dataclass(frozen=True)
class Slice:
    """What came of some seconds of load."""

    rate: float
    p50_us: int
    p99_us: int
    answered: int
    # Mean length of a reply, in bytes.
    length: float


class WrongAnswer(Exception):
    """Somebody didn't do the job that is timed."""


def lua(value):
    """A value as Lua spells it."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str() | Path():
            return '"' + "".join(f"\\{byte:03d}" for byte in str(value).encode()) + '"'
        case dict():
            return "{" + ", ".join(f"[{lua(k)}] = {lua(v)}" for k, v in value.items()) + "}"
    raise TypeError(value)


def plan(request, seed, look):
    """The plan that drive.lua reads."""
    statuses = request.status if isinstance(request.status, tuple) else (request.status,)
    entries = {
        "method": request.method, "path": request.path, "headers": request.headers, "body": request.body,
        "right": {str(status): True for status in statuses}, "expect": request.expect, "seed": seed,
        "tokens": request.tokens, "place": request.place, "delay": request.delay, "look": look,
    }
    if request.header:
        entries["header"], entries["says"] = request.header
    if request.once_from is not None:
        entries["once"], entries["from"] = True, request.once_from
    return "return " + lua({key: value for key, value in entries.items() if value is not None})


class Load:
    """A load that runs beside others, until it is waited for."""

    seeds = 0

    def __init__(self, port, request, seconds, connections=32, cores=None, look=True):
        Load.seeds += 1
        self.look = look
        with tempfile.NamedTemporaryFile("w", suffix=".lua", delete=False) as file:
            file.write(plan(request, Load.seeds, look))
        self.plan = file.name
        self.request = request
        command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s",
                   "--timeout", "10s", "--script", str(SCRIPT), f"http://127.0.0.1:{port}"]
        self.process = subprocess.Popen(on(cores) + command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, env={**os.environ, "PLAN": self.plan})

    def result(self):
        """Waits for the end. One wrong answer fails it all: a fast wrong answer can't win."""
        output = self.process.communicate()[0]
        os.unlink(self.plan)
        lines = [line for line in output.splitlines() if line.startswith("{")]
        if self.process.returncode or not lines:
            raise WrongAnswer(f"wrk: {output}")
        seen = json.loads(lines[-1])
        refused = seen["refused"] and not self.look
        if seen["wrong"] or seen["failed"] or refused or not seen["answered"]:
            raise WrongAnswer(f"{self.request.method} {self.request.path}: {seen}")
        return Slice(seen["answered"] / seen["seconds"], seen["p50_us"], seen["p99_us"], seen["answered"],
                     seen["bytes"] / seen["answered"])


def on(cores):
    """What keeps a command on these processors."""
    return [] if cores is None else ["taskset", "--cpu-list", cores]


def drive(port, request, seconds, connections=32, cores=None, like=None):
    """A slice of load by itself. Each reply is looked at; or, `like` a slice where each was, its status, and the length of
    all together, which costs wrk no time of its own."""
    seen = Load(port, request, seconds, connections, cores, look=like is None).result()
    if like and abs(seen.length / like.length - 1) > 0.03:
        raise WrongAnswer(f"{request.path}: {seen.length:.0f} bytes a reply, and {like.length:.0f} when they were looked at")
    return seen
