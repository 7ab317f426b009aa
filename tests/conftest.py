"""One thread unless OMP_NUM_THREADS says otherwise (`make portability`): of torch, of BLAS and of what tests start.

Ctrl-C is Python's, also where a shell has started the tests in the background and has it ignored.
"""

import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
signal.signal(signal.SIGINT, signal.default_int_handler)
