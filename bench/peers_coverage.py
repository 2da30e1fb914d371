"""Seconds that `sliceline` takes: `python bench/peers_coverage.py SCENES.npz`, run by a Python that has it.

The file holds (N,12) value codes `codes` and (N,) `errors`. It is asked for slices of up to three attributes with at
least 32 scenes. It searches for the worst slices, and so prunes; ours counts every segment.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import warnings

import numpy as np


def main() -> None:
    warnings.simplefilter("ignore")
    try:
        slicefinder = importlib.import_module("sliceline.slicefinder").Slicefinder
    except ImportError:
        print(json.dumps({}))
        return
    scenes = np.load(sys.argv[1])
    finder = slicefinder(alpha=0.95, k=10, max_l=3, min_sup=32, verbose=False)
    start = time.perf_counter(), time.process_time()
    finder.fit(scenes["codes"], scenes["errors"])
    print(json.dumps({"search": time.perf_counter() - start[0], "search_cpu": time.process_time() - start[1]}))


if __name__ == "__main__":
    main()
