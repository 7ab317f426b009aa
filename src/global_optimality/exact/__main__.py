"""`python -m global_optimality.exact FILE...`: check saved certificates; exit status 0 if all are confirmed.

Beside this folder `python -m exact FILE...` does the same with nothing installed.
"""

import sys
from collections.abc import Sequence

from .check import verify_certificate


def main(files: Sequence[str]) -> int:
    """Print what each file proves, or why it is rejected; 2 where one cannot be read."""
    status = 0 if files else 2
    if not files:
        print("usage: python -m global_optimality.exact FILE...", file=sys.stderr)
    for file in files:
        try:
            found = verify_certificate(file)
        except (OSError, ValueError) as error:
            print(f"{file}: {error}", file=sys.stderr)
            status = 2
            continue
        proved = f"{found.lower_bound!r} ≤ F* ≤ {found.objective!r}"
        print(f"{file}: {'confirmed' if found.confirmed else 'REJECTED'}: {proved}", *found.reasons, sep="\n  ")
        status = max(status, int(not found.confirmed))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
