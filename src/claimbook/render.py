"""The child process that renders the site: `python render.py ARGUMENTS` runs Jupyter Book with these arguments.

When its standard input closes (the builder has died) it leaves, so that nothing goes on rendering unseen.
"""

import os
import threading


def leave_with_parent() -> None:
    """Wait for the end of standard input, then end this process."""
    while os.read(0, 1024):
        pass
    os._exit(70)


if __name__ == "__main__":
    from jupyter_book.cli.main import main

    threading.Thread(target=leave_with_parent, daemon=True).start()
    main()
