"""The child process that renders the site: `python render.py ARGUMENTS` runs Jupyter Book with these arguments.

When its standard input closes (the builder has died) it leaves, so that nothing goes on rendering unseen.
"""

import os
import sys
import threading


def leave_with_parent() -> None:
    """Wait for the end of standard input, then end this process."""
    while os.read(0, 1024):
        pass
    os._exit(70)


if __name__ == "__main__":
    from jupyter_book.cli.main import main

    threading.Thread(target=leave_with_parent, daemon=True).start()
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, str):  # a message, which Python prints
            raise
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code or 0)  # millions of nodes are not taken apart one by one: seconds
