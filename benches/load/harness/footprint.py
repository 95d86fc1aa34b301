"""What jeton takes of a machine: memory, the time to start and to stop, room on the disk."""

import subprocess
import time
from dataclasses import asdict

from .against import LOAD, SERVER
from .contenders import BINARY, ENVIRONMENT, ROOT, WORK, Jeton
from .drive import Load, drive
from .goals import Goal
from .pairs import Spread
from .servers import Server


def empty():
    """Memory where there is nothing but the first user."""
    data = WORK / "empty"
    subprocess.run(["rm", "-rf", data], check=True)
    log = (WORK / "empty.log").open("wb")
    command = [BINARY, "serve", "--data-dir", data, "--port", "{port}"]
    # The first start makes keys and a schema; it's the second that is as it will be.
    Server(command, None, ENVIRONMENT, ready="/livez", stdout=log, stderr=log).stop()
    with Server(command, None, ENVIRONMENT, ready="/livez", stdout=log, stderr=log) as server:
        time.sleep(3)
        return server.resident_mb()


def footprint(folder, rounds, seconds):
    """At most, and with as many tokens as there are."""
    goals = [Goal("resident memory, idle and empty", Spread.of([empty()]), 12, most=True, unit=" MB")]
    with Jeton(folder, SERVER) as jeton:
        drive(jeton.port, jeton.gate("random"), seconds, cores=LOAD)
        seen = Spread.of([jeton.server.resident_mb()])
    count = jeton.access["tokens"]
    goals.append(Goal(f"resident memory, {count:,} tokens, after {seconds} s of random checks", seen, 40, most=True,
                      unit=" MB"))
    starts, stops = [], []
    for _ in range(rounds):
        jeton = Jeton(folder)
        starts.append(jeton.server.started_in * 1000)
        load = Load(jeton.port, jeton.gate("random"), 3)
        time.sleep(1)
        stops.append(jeton.server.stop())
        load.process.kill()
        load.process.communicate()
    goals.append(Goal(f"start to the first answer, {count:,} tokens", Spread.of(starts), 100, most=True, unit=" ms"))
    goals.append(Goal("SIGTERM to the end, under load", Spread.of(stops), 3, most=True, unit=" s"))
    size = BINARY.stat().st_size / 1e6
    goals.append(Goal("the binary", Spread.of([size]), 12, most=True, unit=" MB"))
    return goals, {goal.what: asdict(goal.seen) for goal in goals}


def build():
    """Minutes for `packaging/build` from nothing, crates fetched."""
    subprocess.run(["cargo", "fetch", "--locked", "--quiet"], cwd=ROOT, check=True)
    subprocess.run(["rm", "-rf", ROOT / "target/static"], check=True)
    began = time.monotonic()
    subprocess.run([ROOT / "packaging/build"], check=True)
    minutes = (time.monotonic() - began) / 60
    return [Goal("a clean release build", Spread.of([minutes]), 6, most=True, unit=" minutes")], {"minutes": minutes}
