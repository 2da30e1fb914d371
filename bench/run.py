"""Run the benchmarks one after the other and write what they print to bench/RESULTS.md.

`--quick` takes a tenth of the sizes; `--only NAME` runs one of them and keeps the others' results; `--peers PYTHON`
names a Python that has the packages of `peers.txt`, which ours is set against.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

BENCHES = (
    "score",
    "boxes",
    "segmentation",
    "motion",
    "ood",
    "coverage",
    "slices",
    "verdicts",
    "discover",
    "clusters",
    "select",
    "pick",
    "parts",
    "al",
    "evidence",
    "ledger",
    "publish",
    "incremental",
    "keep",
    "engine",
    "reviewers",
    "web",
    "demo",
    "scale",
)
BY_NAME_ONLY = ("engine", "scale")
"""The one needs Ray and Dask, the other half an hour and 5 GB of disk."""
WITH_PEERS = ("score", "coverage", "clusters", "pick", "al")
HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
HEADING = """\
# Measurements

Made by `make bench`; each part names its versions and machine. The machine is shared and noisy: read the ratios, which
are to a peer or a limit measured in the same run, before the seconds.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=BENCHES, action="append")
    parser.add_argument("--peers", action="append", default=[])
    arguments = parser.parse_args()
    parts = read_parts()
    for name in arguments.only or [name for name in BENCHES if name not in BY_NAME_ONLY]:
        print(f"bench_{name} ...", file=sys.stderr)
        quick = ["--quick"] if arguments.quick and name != "demo" else []
        peers = [f"--peers={python}" for python in arguments.peers if name in WITH_PEERS]
        command = [sys.executable, HERE / f"bench_{name}.py", *quick, *peers]
        parts[name] = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        write_parts(parts)
    return 0


def read_parts() -> dict[str, str]:
    """Results so far, by benchmark."""
    text = RESULTS.read_text() if RESULTS.exists() else ""
    found = re.split(r"^<!-- (\w+) -->\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(found[::2], (part.strip() for part in found[1::2]), strict=True))


def write_parts(parts: dict[str, str]) -> None:
    """Write all results in the order of the data flow."""
    body = "\n".join(f"\n<!-- {name} -->\n{parts[name]}\n" for name in BENCHES if name in parts)
    RESULTS.write_text(HEADING + body)


if __name__ == "__main__":
    sys.exit(main())
