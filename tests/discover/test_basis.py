"""A basis is fitted once; what comes later is placed in it and moves nothing; other material is refused."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.preprocessing import RobustScaler

from oddloop.config import VectorsConfig
from oddloop.discover import Basis, Material, apply_basis, build_scene_vectors, fit_basis, gather_material
from oddloop.discover.placing import mute_columns, reason_to_refit
from oddloop.errors import TableError

CONFIG = VectorsConfig(n_components=4)
NAN = np.nan


def scenes_of(n: int, seed: int = 0, first: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "scene_id": [f"s{i:05d}" for i in range(first, first + n)],
            "speed_mps": rng.gamma(2.0, 8.0, n),
            "brake_mps2": rng.lognormal(3.0, 1.0, n),
            "lanes": rng.integers(1, 5, n),
        }
    )


def features_of(scenes: pa.Table, d: int = 6, seed: int = 1) -> pa.Table:
    vectors = np.random.default_rng(seed).normal(size=(scenes.num_rows, d)).astype(np.float32)
    return pa.table([scenes["scene_id"], pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), d)],
                    names=["scene_id", "vector"])  # fmt: skip


def material_of(scenes: pa.Table, features: pa.Table | None = None, encoder: str = "enc@1") -> Material:
    return gather_material(scenes, features, None, CONFIG, encoder=encoder)


def stored(basis: Basis) -> Basis:
    return Basis.from_parts(json.loads(json.dumps(basis.facts())), basis.arrays())


def test_agrees_with_scikit_learn() -> None:
    scenes = scenes_of(200)
    values = np.column_stack([scenes[name].to_numpy() for name in ("brake_mps2", "speed_mps")])
    material = material_of(scenes.select(["scene_id", "speed_mps", "brake_mps2"]))
    basis = fit_basis(material, CONFIG)
    block = material.blocks[0]._replace(values=values[:20] * 1.7)
    later = material._replace(blocks=(block,), scene_ids=material.scene_ids[:20])
    scaler = RobustScaler(unit_variance=True).fit(values)
    first, second = (np.clip(scaler.transform(v), -5, 5) for v in (values, values[:20] * 1.7))
    factor = 1 / np.sqrt(first.var(axis=0).sum())
    expected = PCA(2).fit(first * factor).transform(second * factor)
    np.testing.assert_allclose(apply_basis(basis, later), expected, atol=1e-9)


@pytest.mark.parametrize("with_features", [False, True])
def test_more_scenes_move_no_vector_by_a_bit(with_features) -> None:
    old, new = scenes_of(300), scenes_of(60, seed=9, first=300)
    # among the old ones in the order of ids, too: batches and blocks of rows fall elsewhere
    new = new.set_column(0, "scene_id", pa.array([f"s{i:05d}x" for i in range(60)]))
    both = pa.concat_tables([new, old])
    tables = [(t, features_of(t) if with_features else None) for t in (old, new)]
    joined = pa.concat_tables([f for _, f in tables]) if with_features else None
    basis = fit_basis(material_of(*tables[0]), CONFIG)
    before = build_scene_vectors(*tables[0], None, CONFIG, basis=basis, encoder="enc@1").vectors
    after = build_scene_vectors(both, joined, None, CONFIG, basis=stored(basis), encoder="enc@1").vectors
    assert after.num_rows == 360
    kept = after.filter(pa.compute.is_in(after["scene_id"], value_set=old["scene_id"].combine_chunks()))
    assert kept.equals(before)


def test_fitting_is_the_same_as_applying_to_the_same_scenes() -> None:
    scenes = scenes_of(100)
    fitted = build_scene_vectors(scenes, None, None, CONFIG, encoder="enc@1")
    assert build_scene_vectors(scenes, None, None, CONFIG, basis=fitted.basis, encoder="enc@1").vectors.equals(
        fitted.vectors
    )


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
def test_order_of_rows_and_company_change_nothing(seed, n) -> None:
    rng, scenes = np.random.default_rng(seed), scenes_of(40, seed)
    basis = fit_basis(material_of(scenes), CONFIG)
    assert fit_basis(material_of(scenes.take(rng.permutation(40))), CONFIG).digest == basis.digest
    whole, some = apply_basis(basis, material_of(scenes)), np.sort(rng.permutation(40)[:n])
    assert apply_basis(basis, material_of(scenes.take(some))).tobytes() == whole[some].tobytes()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.floats(1e-6, 1e6), st.floats(-1e3, 1e3))
def test_units_of_a_column_change_nothing(seed, factor, offset) -> None:
    scenes, later = scenes_of(50, seed), scenes_of(7, seed + 1)

    def vectors(unit) -> np.ndarray:
        tables = [t.set_column(1, "speed_mps", pa.array(unit(t["speed_mps"].to_numpy()))) for t in (scenes, later)]
        return apply_basis(fit_basis(material_of(tables[0]), CONFIG), material_of(tables[1]))

    expected, other = vectors(lambda v: v), vectors(lambda v: factor * v + factor * offset)
    np.testing.assert_allclose(np.abs(other), np.abs(expected), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "scenes",
    [
        scenes_of(1),
        scenes_of(0),
        pa.table({"scene_id": ["a", "b", "c"], "x_m": [NAN, NAN, NAN], "y_m": [1.0, NAN, np.inf]}),
        pa.table({"scene_id": ["a", "b", "c"], "x_m": [7.0, 7.0, 7.0]}),
        pa.table({"scene_id": ["a", "b"]}),
    ],
)
def test_one_row_none_missing_and_alike(scenes) -> None:
    basis = stored(fit_basis(material_of(scenes), CONFIG))
    placed = apply_basis(basis, material_of(scenes))
    assert placed.shape == (scenes.num_rows, 1)
    assert not placed.any()


def test_a_missing_value_and_a_missing_block_count_as_average() -> None:
    scenes = scenes_of(50)
    basis = fit_basis(material_of(scenes, features_of(scenes)), CONFIG)
    nothing = pa.table(
        {"scene_id": ["new"], "speed_mps": [NAN], "brake_mps2": [np.inf], "lanes": pa.array([None], pa.int64())}
    )
    scaled_mean = -basis.components.mean @ basis.components.loadings.T
    np.testing.assert_allclose(apply_basis(basis, material_of(nothing))[0], scaled_mean, atol=1e-12)
    assert build_scene_vectors(nothing, None, None, CONFIG, basis=basis, encoder="enc@1").vectors.num_rows == 0


def test_other_material_is_refused_by_digest_and_encoder() -> None:
    scenes = scenes_of(50)
    basis = fit_basis(material_of(scenes, features_of(scenes)), CONFIG)

    def refusal(material: Material) -> str:
        with pytest.raises(
            TableError, match=r"^mixing refused: basis .*fit anew with `oddloop discover --refit`"
        ) as error:
            apply_basis(basis, material)
        assert basis.digest in str(error.value)
        return str(error.value)

    told = refusal(material_of(scenes, features_of(scenes), encoder="enc@2"))
    assert "it is of encoder 'enc@1', they are of encoder 'enc@2'" in told
    told = refusal(material_of(scenes, features_of(scenes, d=7)))
    assert "its features have 6 numbers, theirs 7 (encoder 'enc@1')" in told
    told = refusal(
        material_of(scenes.rename_columns(["scene_id", "speed_kmh", "brake_mps2", "lanes"]), features_of(scenes))
    )
    assert "other columns of telemetry: they have 'speed_kmh' and they lack 'speed_mps'" in told
    told = refusal(material_of(scenes.append_column("agents_mean", scenes["brake_mps2"]), features_of(scenes)))
    assert "other columns of agents: they have 'agents_mean'" in told


def test_features_that_are_others_under_the_same_name_are_refused() -> None:
    scenes = scenes_of(200)
    first, second = features_of(scenes), features_of(scenes, seed=5)
    basis = stored(fit_basis(material_of(scenes, first), CONFIG))
    assert (len(basis.seen_ids), basis.seen_ids[0], basis.seen_ids[-1]) == (64, "s00000", "s00199")
    told = "64 of 64 scenes that it was fitted on have other features now"
    with pytest.raises(TableError, match=f"mixing refused: basis {basis.digest} .*: {told};"):
        apply_basis(basis, material_of(scenes, second))
    # scenes that it has not seen, and a few that got more frames, say nothing
    apply_basis(basis, material_of(scenes_of(30, first=200), features_of(scenes_of(30, first=200), seed=5)))
    apply_basis(basis, material_of(scenes, pa.concat_tables([first, second[:40]])))


def test_columns_that_were_constant_and_are_not_now_are_named() -> None:
    scenes = scenes_of(50).append_column("rain_mm_h", pa.array(np.zeros(50)))
    basis = fit_basis(material_of(scenes), CONFIG)
    assert mute_columns(basis, material_of(scenes)) == []
    wet = scenes.set_column(4, "rain_mm_h", pa.array(np.arange(50.0)))
    assert mute_columns(basis, material_of(wet)) == ["rain_mm_h"]
    assert mute_columns(fit_basis(material_of(wet), CONFIG), material_of(wet)) == []


def test_when_a_workspace_needs_a_new_basis() -> None:
    scenes = scenes_of(50)
    material = material_of(scenes, features_of(scenes))
    basis = fit_basis(material, CONFIG)
    assert reason_to_refit(basis, material, CONFIG) == ""
    assert reason_to_refit(basis, material_of(scenes), CONFIG) == "nothing is known of features any more"
    assert "of encoder 'enc@2'" in reason_to_refit(basis, material._replace(encoder="enc@2"), CONFIG)
    for other in ({"weights": {"road": 2.0}, "n_components": 4}, {"n_components": 5}):
        told = reason_to_refit(basis, material, VectorsConfig(**other))
        assert told == "other weights or n_components in [discover.vectors]"
    few, more = material_of(scenes_of(29)), material_of(scenes_of(59))
    assert reason_to_refit(fit_basis(few, CONFIG), material_of(scenes_of(58)), CONFIG) == ""
    told = "the old one was fitted on 29 scenes only, there are 59 now"
    assert reason_to_refit(fit_basis(few, CONFIG), more, CONFIG) == told
    nothing = {"speed_mps": [NAN] * 99, "brake_mps2": [NAN] * 99, "lanes": pa.nulls(99, pa.int64())}
    blank = pa.table({"scene_id": [f"x{i:03d}" for i in range(99)], **nothing})
    with_blank = material_of(pa.concat_tables([scenes_of(29), blank]))
    assert fit_basis(with_blank, CONFIG).digest == fit_basis(few, CONFIG).digest
    assert reason_to_refit(fit_basis(few, CONFIG), with_blank, CONFIG) == ""
    assert reason_to_refit(fit_basis(material_of(scenes_of(30)), CONFIG), material_of(scenes_of(900)), CONFIG) == ""


def test_the_digest_is_of_all_contents_and_survives_storing() -> None:
    basis = fit_basis(material_of(scenes_of(50)), CONFIG)
    assert stored(basis).digest == basis.digest
    others = [
        *(dataclasses.replace(basis, **{name: value}) for name, value in
          (("encoder", "enc@2"), ("n_scenes", 51), ("weights", {"road": 3.0}), ("n_components", 5))),
        dataclasses.replace(basis, factor=np.nextafter(basis.factor, 9)),
        dataclasses.replace(basis, scale=basis.scale._replace(centre=basis.scale.centre + 1e-9)),
        dataclasses.replace(basis, components=dataclasses.replace(basis.components, mean=-basis.components.mean)),
    ]  # fmt: skip
    assert len({basis.digest, *(other.digest for other in others)}) == 1 + len(others)
