"""What a machine can run short of, and the cure."""

from __future__ import annotations

import errno
import os

CURES = {
    errno.ENOSPC: "free some space, or name another folder: for results with --output, for other files with TMPDIR",
    errno.EDQUOT: "free some space, or name another folder: for results with --output, for other files with TMPDIR",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EMFILE: "raise the limit on open files (ulimit -n 1024)",
    errno.ENFILE: "this machine has too many files open: try again when others are done",
    errno.EAGAIN: "raise the limits on processes and memory (ulimit -u, -v), or run fewer chapters at once (--jobs 1)",
    errno.ENOMEM: "free some memory or raise its limit (ulimit -v), or run fewer chapters at once (--jobs 1)",
    errno.ENAMETOOLONG: "name a folder with a shorter path with --output",
}
"""By the number of the system's error."""

_WORDS = {
    errno.EAGAIN: ("can't start new thread",),
    errno.ENOMEM: ("MemoryError", "can't allocate memory", "failed to map segment"),
}
"""How messages tell of them that name neither the number nor what the system says of it."""


def cure_of(message: str) -> str:
    """The cure for the shortage that a message tells of; empty where it tells of none."""
    for number, cure in CURES.items():
        if any(words in message for words in (f"[Errno {number}]", os.strerror(number), *_WORDS.get(number, ()))):
            return cure
    return ""
