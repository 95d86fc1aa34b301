"""What is started, and stopped, to be measured."""

import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from .drive import on


def free_port():
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process that listens at a port of its own."""

    def __init__(self, command, cores=None, environment=None, ready="/", port=None, **rest):
        self.port = port or free_port()
        command = [str(part).replace("{port}", str(self.port)) for part in command]
        environment = {key: value.replace("{port}", str(self.port)) for key, value in (environment or {}).items()}
        began = time.monotonic()
        self.process = subprocess.Popen(on(cores) + command, start_new_session=True,
                                        env={**os.environ, **environment}, **rest)
        try:
            self.await_answer(ready)
        except BaseException:
            self.stop()
            raise
        self.started_in = time.monotonic() - began

    def await_answer(self, path, patience=60):
        """Until anything at all is answered there."""
        end = time.monotonic() + patience
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5).close()
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"{self.process.args} doesn't answer") from None
                time.sleep(0.001)

    def resident_mb(self):
        """What of it lies in memory, its children included, in millions of bytes."""
        total = 0
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rsplit(")", 1)[1].split()
                if int(fields[3]) == self.process.pid:  # the session, which is its own
                    rollup = (status.parent / "smaps_rollup").read_text()
                    total += int(re.search(r"^Pss: +(\d+)", rollup, re.M)[1]) * 1024
            except (OSError, IndexError):
                continue
        return total / 1e6

    def stop(self):
        """Asks it to stop; answers how many seconds that took."""
        began = time.monotonic()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        return time.monotonic() - began

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
