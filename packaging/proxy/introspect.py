#!/usr/bin/env python3
"""For a service that no proxy stands in front of: asks jeton what a token is good for (RFC 7662).

    echo "$TOKEN" | JETON_TOKEN=jtn_… ./introspect.py orders:read address=203.0.113.7 method=GET host=reports.example path=/v1/reports/1

JETON_TOKEN is the service's own, with the privilege jeton:introspect. A token that is limited in networks or routes is
good for nothing unless jeton is told of the request that it came with. Ends with 0 where the token is good for all that
is named, 1 where it isn't, and 3 where jeton gave no answer, which is no yes.
"""

import json
import os
import sys
import urllib.parse
import urllib.request

JETON = os.environ.get("JETON_URL", "http://127.0.0.1:8700")


def introspect(token, **request):
    """What jeton says of a token that came with a request: its address, method, host and path, and in `require` what it is
    asked for. Ask each time: an answer that is kept outlives the token."""
    request = urllib.request.Request(
        JETON + "/oauth/introspect",
        data=urllib.parse.urlencode({"token": token, **request}).encode(),
        headers={"Authorization": "Bearer " + os.environ["JETON_TOKEN"]},
    )
    with urllib.request.urlopen(request, timeout=5) as reply:
        return json.load(reply)


def main():
    request = dict(argument.split("=", 1) for argument in sys.argv[1:] if "=" in argument)
    wanted = [argument for argument in sys.argv[1:] if "=" not in argument]
    if wanted:
        request["require"] = " ".join(wanted)
    try:
        answer = introspect(sys.stdin.readline().strip(), **request)
    except (OSError, ValueError) as error:
        print(f"jeton gave no answer: {error}", file=sys.stderr)
        return 3
    good = answer["active"]
    print(answer.get("username", "nobody") if good else "no")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
