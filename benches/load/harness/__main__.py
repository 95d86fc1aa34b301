"""`benches/load/run`: which scenes, how long, and where what was seen is written."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time

from . import against, fixed_rate, footprint, growth, lists, writes
from .contenders import BINARY, HERE, ROOT, WORK
from .goals import Goal, table

FEW, MILLION, MOST = 1_000, 1_000_000, 10_000_000


def filled(count):
    """The folder with that many tokens, made where it isn't there yet."""
    folder = WORK / "data" / str(count)
    if not (folder / "access.json").exists():
        subprocess.run(["rm", "-rf", folder], check=True)
        subprocess.run([ROOT / "target/release/examples/fill", folder, str(count)], check=True)
    return folder


def scenes(options):
    """Each by its name: what it calls, once there is something to call it with."""
    rounds, seconds, most = options.rounds, options.seconds, options.tokens
    return {
        "frameworks": lambda: against.frameworks(filled(MILLION), rounds, seconds),
        "fixed-rate": lambda: fixed_rate.fixed_rate(filled(MILLION), rounds, seconds),
        "products": lambda: against.products(filled(FEW), rounds, seconds),
        "issues": lambda: writes.issues(filled(MILLION), rounds, seconds),
        "beside-writes": lambda: writes.beside_writes(filled(MILLION), rounds, seconds),
        "beside-sign-ins": lambda: writes.beside_sign_ins(filled(MILLION), rounds, seconds),
        "tokens": lambda: growth.tokens({count: filled(count) for count in (FEW, MILLION, most)}, rounds, seconds),
        "connections": lambda: growth.connections(filled(MILLION), rounds, seconds),
        "processors": lambda: growth.processors(filled(MILLION), rounds, seconds, os.cpu_count()),
        "lists": lambda: lists.lists(filled(most), rounds),
        "footprint": lambda: footprint.footprint(filled(most), rounds, 60),
        "build": footprint.build,
    }


def machine():
    """What it was measured on."""
    with open("/proc/cpuinfo") as cpus:
        model = next(line.split(":", 1)[1].strip() for line in cpus if line.startswith("model name"))
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return {"processor": model, "processors": os.cpu_count(), "kernel": platform.release(), "at": time.strftime("%Y-%m-%d"),
            "commit": git.stdout.strip() or None, "binary_bytes": BINARY.stat().st_size}


def main():
    parser = argparse.ArgumentParser(prog="benches/load/run", description="Measures jeton, in turn with other servers.")
    names = list(scenes(argparse.Namespace(rounds=0, seconds=0, tokens=0)))
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=f"which ({', '.join(names)}); none is all")
    parser.add_argument("--rounds", type=int, default=8, help="slices of each [8]")
    parser.add_argument("--seconds", type=int, default=4, help="of a slice [4]")
    parser.add_argument("--tokens", type=int, default=MOST, help="of the largest database [10,000,000]")
    options = parser.parse_args()
    if unknown := set(options.scenes) - set(names):
        parser.error(f"no such scene: {', '.join(unknown)}")
    path = WORK / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    results["machine"] = machine()
    for name in options.scenes or names:
        print(f"== {name}", flush=True)
        reached, record = scenes(options)[name]()
        results[name] = {**record, "goals": [goal.record() for goal in reached]}
        for goal in reached:
            print(goal.row(), flush=True)
        path.write_text(json.dumps(results, indent=1) + "\n")
    # Those of an earlier run as well, each scene's last.
    goals = [Goal.recorded(goal) for name in names if name in results for goal in results[name]["goals"]]
    text = table(goals)
    (WORK / "results.md").write_text(text + "\n")
    if {"tokens", "connections", "processors"} <= results.keys():
        from .plot import draw  # which isn't there for whoever asks for help

        draw(results, WORK / "growth.svg")
    print(f"\n{text}\n\nAll of it: {path}")
    sys.exit(0 if all(goal.met for goal in goals) else 1)


main()
