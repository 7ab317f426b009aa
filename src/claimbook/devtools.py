"""Headless Chromium driven over its DevTools pipe: no driver, no port, no further package."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
    "--allow-file-access-from-files",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-pipe",
)


class BrowserError(RuntimeError):
    """Chromium did not start, did not answer in time, or refused a command."""


def find_chromium() -> str | None:
    """The path of a Chromium, from the environment variable CHROMIUM or the usual names."""
    named = os.environ.get("CHROMIUM")
    return next((path for name in ([named] if named else NAMES) if (path := shutil.which(name))), None)


class Page:
    """One tab. `call` sends a command and returns its result; `events` holds what the browser reported since."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._write, self._read = to_browser, from_browser
        self._buffer = b""
        self._count = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise BrowserError("Chromium did not answer in time")
            data = os.read(self._read, 1 << 20)
            if not data:
                raise BrowserError("Chromium closed the pipe")
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def call(self, method: str, timeout: float = 60, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        deadline = time.monotonic() + timeout
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error'].get('message')}")
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def wait_for(self, method: str, timeout: float = 60) -> None:
        """Wait until an event of this name is among `events`."""
        deadline = time.monotonic() + timeout
        while not any(event["method"] == method for event in self.events):
            answer = self._receive(deadline)
            if "method" in answer:
                self.events.append(answer)

    def evaluate(self, expression: str, timeout: float = 60) -> Any:
        """The JSON value of a JavaScript expression; a promise is awaited."""
        answer = self.call("Runtime.evaluate", timeout, expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description") or details.get("text"))
        return answer["result"].get("value")


@contextmanager
def chromium(path: str) -> Iterator[Page]:
    """Start Chromium with the network blocked and an empty profile; it is gone afterwards."""
    profile = tempfile.mkdtemp(prefix="chromium-")
    to_read, to_write = os.pipe()
    from_read, from_write = os.pipe()
    log = os.open(Path(profile) / "log", os.O_WRONLY | os.O_CREAT)
    actions = [
        (os.POSIX_SPAWN_DUP2, log, 1),
        (os.POSIX_SPAWN_DUP2, log, 2),
        (os.POSIX_SPAWN_DUP2, to_read, 103),
        (os.POSIX_SPAWN_DUP2, from_write, 104),
        (os.POSIX_SPAWN_DUP2, 103, 3),
        (os.POSIX_SPAWN_DUP2, 104, 4),
        (os.POSIX_SPAWN_CLOSE, 103),
        (os.POSIX_SPAWN_CLOSE, 104),
    ]
    command = [path, *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
    pid = os.posix_spawn(path, command, dict(os.environ), file_actions=actions, setsid=True)
    for handle in (to_read, from_write, log):
        os.close(handle)
    try:
        yield Page(to_write, from_read)
    finally:
        os.close(to_write)
        os.close(from_read)
        with suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        shutil.rmtree(profile, ignore_errors=True)
