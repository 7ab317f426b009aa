"""A program: the package as ever, then in a forked child; exits 0 where both give the usual answers.

In an interpreter of its own, as threads of matrix libraries that earlier work has left behind do not survive a fork.
"""

import multiprocessing
import os

from odd_modes import usual

if __name__ == "__main__":
    assert usual()
    process = multiprocessing.get_context("fork").Process(target=lambda: os._exit(not usual()))
    process.start()
    process.join(60)
    os._exit(process.exitcode != 0)
