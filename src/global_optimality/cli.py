"""The command `global-optimality`: it hands its words to the machinery of the book, where that is installed."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status (2 where the book's packages are missing)."""
    try:
        from claimbook.cli import main as command
    except ModuleNotFoundError as missing:
        print(
            f"error: the book's packages are not installed here (no module {missing.name}): in a checkout run "
            '`make book`, or pip install ".[book]" ./src/claimbook ./book; the library itself needs none of them',
            file=sys.stderr,
        )
        return 2
    return command(argv)


if __name__ == "__main__":
    sys.exit(main())
