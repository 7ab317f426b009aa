"""One thread unless OMP_NUM_THREADS says otherwise (`make portability`); the default dtype is left alone."""

import os

import torch

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
