"""A small made-up CommonRoad scenario, and the real ones unpacked."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

SHARED = Path(os.environ.get("ODDLOOP_TEST_DATA", Path(__file__).parents[3] / "../shared/data")).resolve()
REAL = SHARED / "commonroad_ngsim/xml_samples.tar.gz"
WHY_SKIPPED = "the NGSIM scenarios are not here; set ODDLOOP_TEST_DATA to the folder that holds commonroad_ngsim/"


def write_folder(folder: Path) -> Path:
    """Two scenarios of one recording."""
    for number in (1, 2):
        write_scenario(folder / f"DEU_Test-1_{number}_T-1.xml")
    return folder


def write_scenario(file: Path, *, n_steps: int = 5, speed_mps: float = 10.0) -> Path:
    """One car on two lanes beside each other, 100 m long, 0.1 s a step."""
    states = [_state(i, speed_mps * i / 10, speed_mps) for i in range(n_steps)]
    shape = "<shape><rectangle><length>4.5</length><width>1.8</width></rectangle></shape>"
    car = f'<obstacle id="7"><role>dynamic</role><type>car</type>{shape}{_as("initialState", states[0])}'
    car += f"<trajectory>{''.join(_as('state', s) for s in states[1:])}</trajectory></obstacle>"
    lanes = _lanelet(1, 0.0, '<adjacentLeft ref="2" drivingDir="same"/>')
    lanes += _lanelet(2, 3.5, '<adjacentRight ref="1" drivingDir="same"/>')
    position = "<position><point><x>0.0</x><y>1.0</y></point></position><velocity><exact>0.0</exact></velocity>"
    initial = f"{position}<orientation><exact>0.0</exact></orientation><yawRate><exact>0.0</exact></yawRate>"
    initial += "<slipAngle><exact>0.0</exact></slipAngle><time><exact>0</exact></time>"
    goal = "<goalState><time><intervalStart>1</intervalStart><intervalEnd>5</intervalEnd></time></goalState>"
    problem = f'<planningProblem id="9"><initialState>{initial}</initialState>{goal}</planningProblem>'
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        f'<?xml version="1.0" encoding="utf-8"?>\n<commonRoad affiliation="" author="" benchmarkID="{file.stem}" '
        'commonRoadVersion="2018b" date="2018-01-01" source="" tags="urban two_lane comfort" timeStepSize="0.1">'
        f"{lanes}{car}{problem}</commonRoad>\n"
    )
    return file


def _state(step: int, x: float, speed: float) -> str:
    place = f"<position><point><x>{x}</x><y>1.0</y></point></position><orientation><exact>0.0</exact></orientation>"
    return f"{place}<time><exact>{step}</exact></time><velocity><exact>{speed}</exact></velocity>"


def _as(name: str, content: str) -> str:
    return f"<{name}>{content}</{name}>"


def _lanelet(number: int, y: float, neighbour: str) -> str:
    def bound(name: str, y: float) -> str:
        points = "".join(f"<point><x>{x}.0</x><y>{y}</y></point>" for x in (0, 50, 100))
        return f"<{name}>{points}</{name}>"

    return f'<lanelet id="{number}">{bound("leftBound", y + 3.5)}{bound("rightBound", y)}{neighbour}</lanelet>'


def lay_out_real(folder: Path, names: tuple[str, ...] = ()) -> Path:
    """Unpack the real scenarios, or those of the given names."""
    with tarfile.open(REAL) as tar:
        wanted = [m for m in tar.getmembers() if m.isfile() and (not names or Path(m.name).stem in names)]
        tar.extractall(folder, members=wanted, filter="data")
    return folder
