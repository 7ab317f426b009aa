"""One thread, so that timings and reductions are the same everywhere; the default dtype is left alone."""

import torch

torch.set_num_threads(1)
