"""How fast lovebird starts: wall and CPU time, peak memory, and what was imported.

    python benchmarks/startup.py [--json] [--repeat 5]

The bar is 0.5 s of wall time for each, on a machine that does nothing else.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEAVY = ("torch", "diffusers", "transformers", "gradio", "PIL", "networkx")
BAR = 0.5
RUN = "from lovebird.ui.cli import invoke; invoke({args!r})"
CASES = {
    "lovebird --help": RUN.format(args=["--help"]),
    "lovebird check": RUN.format(args=["check", "w.json"]),
    "lovebird nodes": RUN.format(args=["nodes"]),
    "import lovebird": "import lovebird",
    "python itself": "pass",
}
TAIL = """
import sys, resource
sys.stdout.flush()
print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def measure(code: str, folder: str, repeat: int) -> dict:
    """The fastest of some starts."""
    rows = []
    for _ in range(repeat):
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code + TAIL.format(heavy=HEAVY)],
            cwd=folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
        wall = time.perf_counter() - begun
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        heavy, peak = done.stderr.splitlines()[-2:]
        rows.append((wall, cpu, int(peak) / 1024, heavy))
    wall, cpu, peak, heavy = min(rows)
    return {"wall": round(wall, 3), "cpu": round(cpu, 3), "mib": round(peak), "heavy": heavy}


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        document = {"lovebird": 1, "nodes": {"join": {"type": "text.join", "version": 1}}}
        Path(folder, "w.json").write_text(json.dumps(document))
        found = {name: measure(code, folder, args.repeat) for name, code in CASES.items()}
    if args.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{'':18}{'wall s':>8}{'CPU s':>8}{'MiB':>6}  heavy imports")
    for name, row in found.items():
        late = "  over the bar" if row["wall"] > BAR else ""
        print(f"{name:18}{row['wall']:8.3f}{row['cpu']:8.3f}{row['mib']:6}  {row['heavy']}{late}")


if __name__ == "__main__":
    main()
