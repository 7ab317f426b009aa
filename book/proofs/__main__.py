"""``python -m book.proofs [FILE...]``: have Coq prove the claims of saved certificates, else of the showcases.

``--keep FOLDER`` keeps certificates, theorems and what was compiled, to be read, or checked again by coqchk.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from global_optimality.exact.file import read

from .coq import kernel
from .export import theorem
from .showcases import saved


def main() -> int:
    """0 where all are proved, 1 where one is not, 2 where Coq or a file cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m book.proofs", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    args = parser.parse_args()
    status = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            coq = kernel(folder)
            texts = {file: theorem(read(file)) for file in args.files or saved(folder)}
        except (OSError, ValueError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        for number, (file, text) in enumerate(texts.items(), 1):
            reason = coq.proves(f"theorem_{number}", text)
            print(f"{file.name}: {'proved' if reason is None else f'NOT PROVED: {reason}'}")
            status = max(status, int(reason is not None))
    return status


if __name__ == "__main__":
    sys.exit(main())
