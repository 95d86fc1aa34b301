"""Who is measured: how each is started, and what it is asked."""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from .drive import TOKEN, Request, drive
from .servers import Server, free_port

HERE = Path(__file__).parent.parent
ROOT = HERE.parent.parent
BINARY = ROOT / "target/release/jeton"

# As packaging/jeton.service has it.
ENVIRONMENT = {"MALLOC_ARENA_MAX": "1"}

# Where all that isn't worth keeping lies.
WORK = Path(os.environ.get("LOAD_WORK", ROOT / "target/load"))


def hello(binary, cores=None):
    """A bare server of a framework, with what it answers."""
    environment = {"PORT": "{port}", "ROCKET_PORT": "{port}"}
    server = Server([WORK / "hello/release" / binary], cores, environment, stdout=subprocess.DEVNULL)
    return server, Request("/", expect="Hello, world!")


def nginx(folder, cores=None):
    """nginx, which answers without looking at anything."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    (folder / "nginx.conf").write_text(f"""
        worker_processes 1; pid {folder}/pid; error_log stderr crit; daemon off;
        events {{ worker_connections 2048; }}
        http {{
          access_log off; keepalive_requests 1000000000;
          client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
          uwsgi_temp_path {folder}; scgi_temp_path {folder};
          server {{ listen 127.0.0.1:{port}; location / {{ return 200 "Hello, world!"; }} }}
        }}""")
    server = Server(["nginx", "-e", "stderr", "-c", folder / "nginx.conf"], cores, port=port)
    return server, Request("/", expect="Hello, world!")


class Jeton:
    """jeton over a folder that `fill` made."""

    def __init__(self, folder, cores=None):
        self.folder = folder
        self.access = json.loads((folder / "access.json").read_text())
        self.tokens = folder / "tokens"
        with self.tokens.open() as tokens:
            self.hot = tokens.readline().strip()
        # What a disk takes to read it for the first time isn't what is measured.
        subprocess.run(["cat", folder / "data/jeton.db"], stdout=subprocess.DEVNULL, check=True)
        log = (folder / "log").open("ab")
        self.server = Server([BINARY, "serve", "--data-dir", folder / "data", "--port", "{port}"], cores,
                             ENVIRONMENT, ready="/livez", stdout=log, stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()

    @property
    def port(self):
        return self.server.port

    def spare(self, count):
        """Where in the list of those that may be revoked the next so many begin."""
        record = self.folder / "spent"
        spent = int(record.read_text()) if record.exists() else 0
        size = (self.folder / "spare").stat().st_size // 77
        if spent + count > size:
            raise RuntimeError(f"{self.folder} has no tokens left to revoke: remove it, and it is filled anew")
        record.write_text(str(spent + count))
        return spent

    def asked(self, token, by):
        """How a hot token, or any of the list, is asked about."""
        return {} if token == "hot" else {"tokens": self.tokens}, self.hot if token == "hot" else by

    def gate(self, token="hot"):
        """What nginx asks about a request, by the configuration in packaging/proxy/nginx."""
        rest, text = self.asked(token, TOKEN)
        headers = {"Authorization": f"Bearer {text}", "X-Original-Method": "GET",
                   "X-Original-Host": "reports.example:443", "X-Original-URI": "/v1/orders?page=2",
                   "X-Forwarded-For": "192.0.2.7"}
        return Request("/gate?require=orders:read&profile=nginx", headers=headers,
                       header=("x-auth-privileges", "orders:read"), **rest)

    def introspection(self, token="hot"):
        """What a service asks about a token that it was shown (RFC 7662)."""
        rest, text = self.asked(token, TOKEN)
        headers = {"Authorization": f"Bearer {self.access['token']}",
                   "Content-Type": "application/x-www-form-urlencoded"}
        return Request("/oauth/introspect", "POST", headers, f"token={text}", expect='"active":true', **rest)

    def own(self, token="hot"):
        """What a token's holder asks about it."""
        rest, text = self.asked(token, TOKEN)
        return Request("/v1/tokens/self", headers={"Authorization": f"Bearer {text}"},
                       expect='"status":"active"', **rest)


def rival(name):
    """Another product that checks a token; it says itself how it is asked, and what it answers to a wrong one."""
    data = WORK / "rivals-data" / name
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    environment = {"DATA": str(data), "WORK": str(WORK / "rivals"), "PORT": "{port}"}
    server = Server([HERE / "rivals" / name / "start"], environment=environment, stdout=subprocess.PIPE, text=True)
    asked = json.loads(server.process.stdout.readline())
    wrong = asked.pop("wrong")
    right = Request(asked["path"], asked["method"], asked["headers"], asked["body"], expect=asked["expect"])
    refused = replace(right, headers=wrong["headers"], body=wrong["body"], status=wrong["status"],
                      expect=wrong["expect"])
    # One that says yes to everybody would be fast.
    drive(server.port, refused, 1, connections=2)
    return server, right
