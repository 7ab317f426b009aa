"""One thread unless OMP_NUM_THREADS says otherwise (`make portability`); the default dtype is left alone.

Ctrl-C is Python's, also where a shell has started the tests in the background and has it ignored.
"""

import os
import signal

import torch

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
signal.signal(signal.SIGINT, signal.default_int_handler)
