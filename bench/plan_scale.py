"""The arithmetic of `docs/scale.md`: from the rates of `make bench-scale` to 10^9 scenes and 10^11 frames on a cluster.

`python bench/plan_scale.py --write` puts the tables into the page anew; a test fails where the page says anything else.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

from planted_lake import FRAMES
from run import read_parts

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
BEGIN, END = "<!-- tables: made by bench/plan_scale.py -->", "<!-- end of tables -->"
IN_SHARDS = ("discover", "cards", "select")
"""Stages that are to be done shard by shard, each as large as the fleet that was measured."""


@dataclass(frozen=True)
class Cluster:
    """What is assumed of the cluster and of prices; nothing here is measured."""

    nodes: int = 64
    cores: int = 16
    memory_gb: int = 64
    network_gb_s: float = 1.0
    """Of each node, to object storage."""
    efficiency: float = 0.6
    """Part of the cores that is at work, for stragglers and starts; less where memory holds fewer tasks at a time."""
    core_hour_usd: float = 0.05
    gb_month_usd: float = 0.023
    million_requests_usd: float = 5.0


@dataclass(frozen=True)
class Fleet:
    """What there is to do."""

    scenes: float = 1e9
    frames: float = 1e11
    picks: float = 1e5


@dataclass(frozen=True)
class Rates:
    """What was measured at the largest size: CPU seconds and MB by stage, bytes per row by table.

    Attributes:
        frames: frames of the fleet that was measured.
        cpu_s: by stage.
        mb: peak memory by stage.
        mb_before: the same at a tenth of the size.
        row_bytes: by table.
    """

    frames: int
    cpu_s: dict[str, float]
    mb: dict[str, float]
    mb_before: dict[str, float]
    row_bytes: dict[str, float]

    @property
    def scenes(self) -> int:
        """Scenes of the fleet that was measured."""
        return self.frames // FRAMES


@dataclass(frozen=True)
class Step:
    """One step of the plan.

    Attributes:
        name: what is done.
        core_hours: computing.
        read_gb, written_gb: moved between nodes and object storage.
        task_gb: memory of a task; 0 where it does not matter.
    """

    name: str
    core_hours: float
    read_gb: float
    written_gb: float
    task_gb: float = 0.0

    def at_once(self, cluster: Cluster) -> int:
        """Tasks that a node can run at a time."""
        return min(cluster.cores, int(cluster.memory_gb / self.task_gb)) if self.task_gb else cluster.cores

    def hours(self, cluster: Cluster) -> float:
        """Hours on the cluster: of computing or of moving data, whichever takes longer."""
        moving = (self.read_gb + self.written_gb) / cluster.nodes / cluster.network_gb_s / 3600
        at_work = min(cluster.cores * cluster.efficiency, self.at_once(cluster))
        return max(self.core_hours / cluster.nodes / at_work, moving)

    def usd(self, cluster: Cluster) -> float:
        """Price of the whole cluster for that time."""
        return self.hours(cluster) * cluster.nodes * cluster.cores * cluster.core_hour_usd


def read_rates(part: str) -> Rates:
    """The rates that a results page of `bench_scale` tells.

    >>> page = '''### seconds on the clock (of CPU)
    ... | stage | 20 frames | 200 frames | x |
    ... |---|---|---|---|
    ... | score | 1.0 (2.0) | 9.0 (1,800.0) | 1.0 |
    ... ### peak MB
    ... | stage | 20 frames | 200 frames |
    ... |---|---|---|
    ... | score | 10 | 1,000 |
    ... ### on disk at 200 frames
    ... | table | MB | bytes | per |
    ... |---|---|---|---|
    ... | predictions | 1 | 112 | frame |
    ... '''
    >>> rates = read_rates(page)
    >>> rates.frames, rates.scenes, rates.cpu_s["score"], rates.mb_before["score"], rates.row_bytes
    (200, 10, 1800.0, 10.0, {'predictions': 112.0})
    """
    seconds, memory, disk = (_rows(part, title) for title in ("seconds on the clock", "peak MB", "on disk"))
    return Rates(
        frames=int(_number(seconds[0][-2])),
        cpu_s={row[0]: _number(row[-2].split("(")[1]) for row in seconds[1:]},
        mb={row[0]: _number(row[-1]) for row in memory[1:]},
        mb_before={row[0]: _number(row[-2]) for row in memory[1:]},
        row_bytes={row[0]: _number(row[2]) for row in disk[1:]},
    )


def _rows(part: str, title: str) -> list[list[str]]:
    """Cells of a table, the headings first."""
    text = part[part.index(f"### {title}") :].split("\n### ", 1)[0]
    rows = [
        [cell.strip() for cell in line.strip("| ").split("|")] for line in re.findall(r"^\|.*$", text, re.MULTILINE)
    ]
    return [rows[0], *rows[2:]]


def _number(text: str) -> float:
    return float(re.sub(r"[^0-9.]", "", text))


def steps_of(rates: Rates, fleet: Fleet) -> list[Step]:
    """The steps from predictions to picks."""
    shards, size = fleet.scenes / rates.scenes, rates.row_bytes
    scores_gb, vectors_gb = (fleet.scenes * size[name] / 1e9 for name in ("scene scores", "scene vectors"))
    score_s = rates.cpu_s["score"] / rates.frames * fleet.frames
    per_shard = {stage: rates.cpu_s[stage] * shards / 3600 for stage in ("coverage", "basis", *IN_SHARDS)}
    frames_gb, features_gb = fleet.frames / 1e9, fleet.scenes * size["features"] / 1e9
    written_gb = frames_gb * size["frame scores"] + scores_gb
    gb = {stage: rates.mb.get(stage, 0.0) / 1000 for stage in IN_SHARDS}
    again = sum(survivors_of(rates, fleet)) / fleet.scenes
    return [
        Step("score, and summarise scenes", score_s / 3600, frames_gb * size["predictions"], written_gb),
        Step("count segments", per_shard["coverage"], scores_gb, 0),
        Step("scene vectors", per_shard["basis"], features_gb, vectors_gb),
        Step("clusters, shard by shard", per_shard["discover"], vectors_gb, 0, gb["discover"]),
        Step("cards, shard by shard", per_shard["cards"], vectors_gb + scores_gb, 0, gb["cards"]),
        Step(
            "picks, part by part, in a tree",
            per_shard["select"] * again,
            (vectors_gb + scores_gb) * again,
            0,
            gb["select"],
        ),
    ]


def survivors_of(rates: Rates, fleet: Fleet) -> list[float]:
    """Scenes that each level of a tree of choices begins with, until one part holds them all.

    Each part picks under the whole budget, so a level leaves picks x parts.

    >>> [f"{n:.0e}" for n in survivors_of(Rates(10_000_000, {}, {}, {}, {}), Fleet(picks=1e5))]
    ['1e+09', '2e+08', '4e+07', '8e+06', '2e+06', '4e+05']
    """
    levels = [fleet.scenes]
    while levels[-1] > rates.scenes and fleet.picks < rates.scenes / 2:
        levels.append(-(-levels[-1] // rates.scenes) * fleet.picks)
    return levels


def bytes_per_scene(rates: Rates, stage: str) -> float:
    """Memory that each further scene takes in a stage's process, by the last nine tenths of its scenes."""
    return (rates.mb[stage] - rates.mb_before[stage]) * 1e6 / (rates.scenes * 0.9)


def scenes_in(memory_gb: float, rates: Rates, stage: str) -> float:
    """Scenes at which a stage fills the memory of one process."""
    return rates.scenes + (memory_gb * 1e9 - rates.mb[stage] * 1e6) / bytes_per_scene(rates, stage)


def tables(rates: Rates, fleet: Fleet, cluster: Cluster) -> str:
    """The page's tables."""
    of_run = f"{rates.frames:,} frames, {rates.scenes:,} scenes: {rates.cpu_s['all']:,.0f} CPU seconds"
    return "\n".join(
        [
            f"Rates are those of {of_run} from nothing to the report.",
            "",
            *_plan(steps_of(rates, fleet), cluster),
            "",
            *_remarks(rates, fleet, cluster),
            "",
            f"| stage | bytes per scene in its process | scenes that fill {cluster.memory_gb} GB |",
            "|---|---|---|",
            *(
                f"| {stage} | {bytes_per_scene(rates, stage):,.0f} "
                f"| {scenes_in(cluster.memory_gb, rates, stage) / 1e6:,.1f} million |"
                for stage in ("score", "coverage", "basis", *IN_SHARDS, "report")
            ),
        ]
    )


def _plan(steps: list[Step], cluster: Cluster) -> list[str]:
    rows = [
        (s.name, s.core_hours, s.read_gb / 1e3, s.written_gb / 1e3, s.hours(cluster), s.usd(cluster)) for s in steps
    ]
    rows.append(("all", *(sum(row[i] for row in rows) for i in range(1, 6))))  # type: ignore[arg-type, misc]
    head = "| step | core hours | TB read | TB written | hours on the cluster | USD |\n|---|---|---|---|---|---|"
    return [head, *(f"| {r[0]} | {r[1]:,.0f} | {r[2]:,.1f} | {r[3]:,.1f} | {r[4]:,.2f} | {r[5]:,.0f} |" for r in rows)]


def _remarks(rates: Rates, fleet: Fleet, cluster: Cluster) -> list[str]:
    kept_gb = sum(step.written_gb for step in steps_of(rates, fleet))
    requests_usd = 4 * fleet.frames / 200_000 / 1e6 * cluster.million_requests_usd
    largest = max(steps_of(rates, fleet), key=lambda step: step.task_gb)
    return [
        f"- Kept for a month: {kept_gb / 1e3:,.1f} TB, {kept_gb * cluster.gb_month_usd:,.0f} USD; two requests to read "
        f"and two to write each file of 200,000 frames: {requests_usd:,.0f} USD.",
        f"- Tree of choices, scenes that each level begins with: "
        f"{', '.join(f'{n:,.0f}' for n in survivors_of(rates, fleet))}.",
        f"- A shard takes up to {largest.task_gb:.1f} GB, so a node of {cluster.memory_gb} GB runs "
        f"{largest.at_once(cluster)} at a time on {cluster.cores} cores.",
    ]


def with_tables(page: str, made: str) -> str:
    """The page with tables in the place of those that it has.

    >>> with_tables(f"a {BEGIN} old {END} b", "new") == f"a {BEGIN}\\n\\nnew\\n\\n{END} b"
    True
    """
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{rest.partition(END)[2]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="into docs/scale.md, instead of printing")
    made = tables(read_rates(read_parts()["scale"]), Fleet(), Cluster())
    if parser.parse_args().write:
        PAGE.write_text(with_tables(PAGE.read_text(), made))
    else:
        print(made)


if __name__ == "__main__":
    main()
