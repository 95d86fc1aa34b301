"""What writing costs: how many tokens are issued a second, and what checks lose while others write or sign in."""

import os
import time
from dataclasses import asdict

from .contenders import Jeton
from .drive import TOKEN, Load, Request, drive
from .goals import Goal
from .pairs import Spread

JSON = {"Content-Type": "application/json"}


def syncs(folder, seconds):
    """How often a second the disk that the database lies on makes a page of a log safe."""
    path = folder / "syncs"
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        page = b"\0" * 4096
        # A log that has its size already, as SQLite's has once it was written through.
        for place in range(256):
            os.pwrite(file, page, place * 4096)
        os.fsync(file)
        done, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            os.pwrite(file, page, done % 256 * 4096)
            os.fdatasync(file)
            done += 1
        return done / seconds
    finally:
        os.close(file)
        path.unlink()


def issue(jeton, delay=None):
    """A token for a script, by another token."""
    headers = {"Authorization": f"Bearer {jeton.access['token']}", **JSON}
    body = '{"name": "nightly report", "lifetime": "30d", "privileges": ["orders:read"]}'
    return Request("/v1/tokens", "POST", headers, body, status=201, expect='"token":"jtn_', delay=delay)


def issues(folder, rounds, seconds):
    """Issues that are on disk when they are answered, against what the disk can do one by one."""
    syncing, issuing = [], []
    with Jeton(folder) as jeton:
        like = drive(jeton.port, issue(jeton), 1)
        for turn in range(rounds):
            syncing.append(syncs(folder, seconds))
            issuing.append(drive(jeton.port, issue(jeton), seconds, like=like).rate)
            print(f"  round {turn + 1} of {rounds}: {syncing[-1]:,.0f} syncs, {issuing[-1]:,.0f} issues")
    seen = Spread.of([issued / synced for issued, synced in zip(issuing, syncing)])
    return [Goal("issues a second from 32 connections / the disk's fdatasync rate", seen, 1.0)], {
        "issues": asdict(Spread.of(issuing)), "syncs": asdict(Spread.of(syncing))}


def disturbed(jeton, rounds, seconds, disturb):
    """What checks of a hot token keep of their rate while something else goes on."""
    kept, of = [], []
    like = drive(jeton.port, jeton.gate(), 1)
    for turn in range(rounds):
        alone = drive(jeton.port, jeton.gate(), seconds, like=like).rate
        others = disturb(seconds + 1)
        time.sleep(0.5)
        beside = drive(jeton.port, jeton.gate(), seconds, like=like).rate
        of.append([other.result().rate for other in others])
        kept.append(beside / alone)
        print(f"  round {turn + 1} of {rounds}: {alone:,.0f} alone, {beside:,.0f} beside " +
              " and ".join(f"{rate:,.0f}" for rate in of[-1]) + " of the others")
    return Spread.of(kept), of


def beside_writes(folder, rounds, seconds):
    """Each revocation makes everything that is kept ready be read anew."""
    def disturb(for_seconds):
        own = Request("/v1/tokens/self", "DELETE", {"Authorization": f"Bearer {TOKEN}"}, status=204,
                      tokens=folder / "spare", once_from=jeton.spare(120 * for_seconds), delay=90)
        return [Load(jeton.port, issue(jeton, delay=90), for_seconds, connections=56),
                Load(jeton.port, own, for_seconds, connections=11)]

    with Jeton(folder) as jeton:
        seen, of = disturbed(jeton, rounds, seconds, disturb)
    least = [min(rates) for rates in zip(*of)]
    goal = Goal(f"checks while {least[0]:,.0f} issues and {least[1]:,.0f} revocations a second go on / alone", seen, 0.85)
    return [goal], {"issues_and_revocations_a_second": of}


def beside_sign_ins(folder, rounds, seconds):
    """Eight clients try passwords as fast as they are let."""
    body = '{"username": "user-@@", "password": "not the right one at all"}'
    names = folder / "names"
    names.write_text("".join(f"{number:02}\n" for number in range(10, 100)))

    def disturb(for_seconds):
        page = {"Jeton-Page": "1", "Origin": f"http://127.0.0.1:{jeton.port}"}
        wrong = Request("/v1/session", "POST", {**page, **JSON}, body, status=(401, 429, 503), tokens=names, place="@@")
        return [Load(jeton.port, wrong, for_seconds, connections=8)]

    with Jeton(folder) as jeton:
        seen, of = disturbed(jeton, rounds, seconds, disturb)
    goal = Goal("checks while 8 clients try wrong passwords / alone", seen, 0.70)
    return [goal], {"attempts_a_second": of}
