"""The demo's experiment: the same loop twice, once with a policy and once at random, at equal cost.

Two arms are two workspaces over one simulated fleet. Nothing here is special to the demo but the fleet and the labels,
which are futures that the simulation already knows (`answers`): everything else is the ordinary `run`, review, `labels
send` and `receive`, and training hook.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from oddloop.demo.answers import COST_PER_HOUR, label_round
from oddloop.demo.attributes import ATTRIBUTES
from oddloop.demo.fleet import Fleet, simulate_fleet
from oddloop.demo.settings import FleetSettings
from oddloop.errors import WorkspaceError
from oddloop.lake.workspace import CONFIG_FILE, Workspace
from oddloop.rounds.run import run
from oddloop.rounds.shell import Shell

CONTROL = "random"
METRIC = "min_fde_m"
MARK = "# Made by `oddloop demo`."
"""First line of an arm's `oddloop.toml`; a folder with any other is the user's own."""
_POINTED = ("scenes", "frames")


@dataclass(frozen=True)
class DemoSettings:
    """What the demo does.

    Attributes:
        policy: policy of the first arm; the other one picks at random.
        score: scene score that the policy ranks by.
        n_rounds: rounds of labels for each arm.
        budget: cost of a round, the same for both arms.
        seed: seed of the fleet, of both policies and of every training.
        fleet: size of the fleet.
    """

    policy: str = "uncertainty"
    score: str = "trajectory_endpoint_spread_sum_sum"
    n_rounds: int = 3
    budget: float = 300.0
    seed: int = 0
    fleet: FleetSettings = field(default_factory=FleetSettings)


@dataclass(frozen=True)
class Arms:
    """Both arms, and the fleet that they share."""

    fleet: Fleet
    policy: Workspace
    control: Workspace

    def by_name(self) -> dict[str, Workspace]:
        """Workspaces by arm name."""
        return {self.policy.config.select.policy: self.policy, CONTROL: self.control}


def prepare(folder: Path, settings: DemoSettings, shell: Shell, n_workers: int = 2) -> Arms:
    """Simulate the fleet where it is not there yet, and make both workspaces where they are missing.

    Raises:
        WorkspaceError: the folder holds another workspace, or a demo of other settings; nothing was touched.
    """
    refuse_foreign(folder, settings)
    fleet = simulate_fleet(
        folder / "fleet", seed=settings.seed, settings=settings.fleet, n_workers=n_workers, progress=shell.progress
    )
    policy = _make_arm(folder, settings.policy, settings, fleet)
    control = _make_arm(folder / "control", CONTROL, settings, fleet)
    return Arms(fleet, policy, control)


def run_rounds(arms: Arms, n_rounds: int, shell: Shell, say: Callable[[str], None]) -> None:
    """Run the loop in both arms until `n_rounds` rounds of labels are trained on; finished ones are not done again."""
    for name, workspace in arms.by_name().items():
        say(f"\nArm {name}")
        while True:
            summary = run(workspace, shell)
            if name != CONTROL:
                share_first_model(arms)
            number = int(summary.round_id.removeprefix("r") or n_rounds + 1)
            if number > n_rounds:
                break
            label_round(workspace, summary.round_id, shell)


def share_first_model(arms: Arms) -> None:
    """Give the control the first arm's derived folders: equal recipes have equal digests, so none is made twice."""
    source, target = arms.policy.storage.local_path("derived"), arms.control.storage.local_path("derived")
    if not target.exists():
        aside = target.with_name("derived.tmp-copy")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(source, aside)
        aside.rename(target)


def _make_arm(folder: Path, policy: str, settings: DemoSettings, fleet: Fleet) -> Workspace:
    if (folder / CONFIG_FILE).exists():
        return Workspace.open(folder)
    labels = folder / "lake" / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    for file in sorted((fleet.folder / "lake" / "labels").glob("*.parquet")):
        shutil.copy(file, labels / file.name)
    return Workspace.create(folder, config_text(policy, settings, fleet))


def refuse_foreign(folder: Path, settings: DemoSettings) -> None:
    """Refuse a folder with another workspace, or with a demo of other settings: its rounds would not be comparable.

    Raises:
        WorkspaceError: nothing in the folder was touched.
    """
    path = folder / CONFIG_FILE
    if not path.exists():
        return
    found = path.read_text()
    if not found.startswith(MARK):
        raise WorkspaceError(f"{folder}: a workspace of your own; give the demo another folder")
    if stamp(settings) not in found:
        raise WorkspaceError(f"{folder}: a demo with other settings; give another folder, or remove this one")


def stamp(settings: DemoSettings) -> str:
    """Line of an arm's `oddloop.toml` that says which demo it is of."""
    return f"# {json.dumps(asdict(settings), sort_keys=True)}"


def config_text(policy: str, settings: DemoSettings, fleet: Fleet) -> str:
    """The `oddloop.toml` of an arm."""
    score = settings.score if policy == settings.policy else ""
    pointers = "\n".join(f"{name} = {_toml(f'{fleet.folder.resolve()}/lake/{name}')}" for name in _POINTED)
    control = "" if policy == CONTROL else "control"
    return f"""\
{MARK}
{stamp(settings)}
[workspace]
name = {_toml(f"demo: {policy}")}
seed = {settings.seed}

[lake]
{pointers}

{_attributes_text()}
[metrics.min_fde_m]
better = "lower"
target = 2.4
[metrics.min_ade_m]
better = "lower"
[metrics.miss_rate]
better = "lower"

[coverage]
metric = "{METRIC}"

[coverage.curves]
parallel = 2

[discover.page]
tracks = {_toml(f"{fleet.folder.resolve()}/tracks/observed.parquet")}

[select]
policy = "{policy}"
score = "{score}"
budget = {settings.budget}

[cost]
unit = "EUR"
per_scene = 1.0
per_frame = 0.12
per_object = 0.04

[labelling]
cost_per_hour = {COST_PER_HOUR}

[evidence]
control = "{control}"

[tracker]
kind = "mlflow"
tracking_uri = "sqlite:///{"../" if policy == CONTROL else ""}mlflow.db"
experiment = "oddloop demo"

[train]
command = {_toml(_command(fleet))}
timeout_s = 600.0
"""


def _command(fleet: Fleet) -> str:
    """The training command; a folder's name may hold anything that a file system allows."""
    folder = shlex.quote(str(fleet.folder.resolve())).replace("{", "{{").replace("}", "}}")
    options = "--labelled {labelled} --output {output} --model-id {model_id} --seed {seed} --purpose {purpose}"
    return f"{{python}} -m oddloop.demo.train --fleet {folder} {options}"


def _attributes_text() -> str:
    sections = []
    for name, attribute in ATTRIBUTES.items():
        lines = [f"{key} = {_toml(value)}" for key, value in attribute.items()]
        sections.append("\n".join([f"[attributes.{name}]", *lines, ""]))
    return "\n".join(sections)


def _toml(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
