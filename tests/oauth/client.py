"""Reads jeton's metadata with Authlib, and does what it announces with the tokens that come by standard input.

Prints what was found as one JSON object. What the metadata announces under its issuer is asked of the address that the
first argument names.
"""

import json
import sys

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url

address = sys.argv[1]
tokens = json.load(sys.stdin)


def at_address(url, issuer):
    """An announced URL, as a proxy at the issuer hands it on."""
    assert url.startswith(issuer + "/"), url
    return address + url.removeprefix(issuer)


def refused(metadata):
    """What the library finds wrong with the metadata, by member."""
    found = {}
    for member in metadata.REGISTRY_KEYS:
        try:
            getattr(metadata, f"validate_{member}")()
        except ValueError as error:
            found[member] = str(error)
    try:
        metadata.validate()
        assert not found, found
    except ValueError as error:
        assert str(error) in found.values(), error
    return found


def answer(reply):
    """The body of a good reply."""
    assert reply.status_code == 200, reply.text
    return reply.json()


issuer = requests.get(address + "/.well-known/oauth-authorization-server").json()["issuer"]
# Where the issuer has a path, the library puts it after the well-known part.
well_known = get_well_known_url(issuer)
metadata = AuthorizationServerMetadata(answer(requests.get(address + well_known)))
assert metadata.issuer == issuer
assert "client_secret_basic" in metadata.introspection_endpoint_auth_methods_supported
assert "Bearer" in metadata.introspection_endpoint_auth_methods_supported
assert metadata.revocation_endpoint_auth_methods_supported == ["none"]

introspection = at_address(metadata.introspection_endpoint, issuer)
revocation = at_address(metadata.revocation_endpoint, issuer)
client = OAuth2Session(
    "a client of ours",
    tokens["asker"],
    token_endpoint_auth_method="client_secret_basic",
    revocation_endpoint_auth_method="none",
)
holder = OAuth2Session(token={"access_token": tokens["asker"], "token_type": "Bearer"})

found = {"issuer": issuer, "refused": refused(metadata)}
by_password = OAuth2Session(
    tokens["user"]["name"], tokens["user"]["password"], token_endpoint_auth_method="client_secret_basic"
)
granted = by_password.fetch_token(
    at_address(metadata.token_endpoint, issuer), grant_type="client_credentials", scope="orders:read"
)
found["granted"] = {"seconds": granted["expires_in"], "scope": granted["scope"]}
found["what was granted"] = answer(client.introspect_token(introspection, granted["access_token"]))
for name in ["good", "revoked", "unknown"]:
    reply = client.introspect_token(introspection, tokens[name], token_type_hint="access_token")
    found[name] = answer(reply)
found["good by bearer"] = answer(
    holder.introspect_token(introspection, tokens["good"], auth=holder.token_auth)
)
found["revocations"] = [
    client.revoke_token(revocation, tokens[name], token_type_hint="refresh_token").status_code
    for name in ["good", "unknown"]
]
found["good once revoked"] = answer(client.introspect_token(introspection, tokens["good"]))
print(json.dumps(found))
