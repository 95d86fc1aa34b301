#!/usr/bin/env python3
"""For a service that no proxy stands in front of: asks jeton what a token is good for (RFC 7662).

    echo "$TOKEN" | JETON_TOKEN=jtn_… ./introspect.py orders:read

JETON_TOKEN is the service's own, with the privilege jeton:introspect. Ends with 0 where the token is good for all
that is named, 1 where it isn't, and 3 where jeton gave no answer, which is no yes.
"""

import json
import os
import sys
import urllib.parse
import urllib.request

JETON = os.environ.get("JETON_URL", "http://127.0.0.1:8700")


def introspect(token):
    """What jeton says of a token. Nothing may be kept of it: the next request may be a revoked one."""
    request = urllib.request.Request(
        JETON + "/oauth/introspect",
        data=urllib.parse.urlencode({"token": token}).encode(),
        headers={"Authorization": "Bearer " + os.environ["JETON_TOKEN"]},
    )
    with urllib.request.urlopen(request, timeout=5) as reply:
        return json.load(reply)


def covers(held, needed):
    """Whether a privilege that is held is one that is needed; `*` stands for anything on either side of the colon."""
    parts = zip(held.split(":"), needed.split(":"))
    return held == needed or not needed.startswith("jeton:") and all(have in ("*", want) for have, want in parts)


def main():
    try:
        answer = introspect(sys.stdin.readline().strip())
    except (OSError, ValueError) as error:
        print(f"jeton gave no answer: {error}", file=sys.stderr)
        return 3
    held = answer.get("scope", "").split()
    good = answer["active"] and all(any(covers(one, needed) for one in held) for needed in sys.argv[1:])
    print(answer.get("username", "nobody") if good else "no")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
