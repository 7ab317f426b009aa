"""A third checker, in the kernel of the proof assistant Coq: ``python -m book.proofs`` (How to check a certificate)."""
