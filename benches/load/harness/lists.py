"""How long a page of a list takes, whatever it is filtered by."""

import base64
import http.client
import json
import time
from urllib.parse import urlencode

from .contenders import Jeton
from .goals import Goal
from .pairs import Spread

# One of each way to look: none of them, each alone, and such as have to be combined.
FILTERS = [
    {}, {"total": "true"}, {"owner": "user-7"}, {"organization": "org-2"}, {"status": "active"},
    {"status": "disabled"}, {"status": "expired"}, {"status": "deleted"}, {"privilege": "billing:export"}, {"privilege": "orders:read"},
    {"name": "deploy"}, {"name": "deploy backup"}, {"name": "00012345"},
    {"name": "deploy", "status": "disabled"}, {"owner": "user-7", "organization": "org-2", "status": "expired"},
    {"sort": "name"}, {"sort": "-expires_at"}, {"sort": "-last_used_at"}, {"owner": "user-7", "sort": "name"},
    {"organization": "org-2", "status": "active", "sort": "-created_at", "total": "true"},
]


def lists(folder, rounds, bound=50):
    """Pages of fifty, as the page shows them; one that is refused as too broad may not take longer either."""
    goals, record = [], {}
    with Jeton(folder) as jeton:
        connection = http.client.HTTPConnection("127.0.0.1", jeton.port, timeout=60)
        # By a token: a password would be hashed anew each time.
        headers = {"Authorization": f"Bearer {jeton.access['token']}"}
        for wish in FILTERS:
            path = "/v1/tokens?" + urlencode({"limit": 50, **wish})
            took, outcome = [], None
            for _ in range(rounds):
                began = time.monotonic()
                connection.request("GET", path, headers=headers)
                reply = connection.getresponse()
                body = json.loads(reply.read())
                took.append((time.monotonic() - began) * 1000)
                if reply.status == 200:
                    outcome = f"{len(body['items'])} of {body.get('total', 'many')}"
                elif body.get("code") == "filter_too_broad":
                    outcome = body["code"]
                else:
                    raise RuntimeError(f"{path}: {reply.status} {body}")
            name = " ".join(f"{key}={value}" for key, value in wish.items()) or "no filter"
            seen = Spread.of(took)
            print(f"  {name}: {outcome}, {seen} ms")
            record[name] = {"outcome": outcome, "ms": seen.median, "most_ms": seen.most}
            if outcome != "filter_too_broad":
                goals.append((seen.median, name, seen))
    slowest = max(goals)
    goal = Goal(f"a page of 50, the slowest of {len(goals)} filters ({slowest[1]})", slowest[2], bound, most=True,
                unit=" ms")
    return [goal], {"pages": record}
