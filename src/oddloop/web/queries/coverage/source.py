"""The coverage that pages read from: only the segments that a page shows become objects, so that many cost nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.report.lead import lead_metric
from oddloop.report.model import Attribute, LeadMetric, Reference, Segment
from oddloop.report.segments import attributes_of, join_segments, reference_of
from oddloop.web.store import NothingThereError, View

_SEPARATOR = "\x1f"
_WHERE = "attributes_key"


@dataclass(frozen=True)
class Source:
    """The segments of one coverage result, with what was measured of one model.

    Attributes:
        digest: names the coverage.
        model_id: the model; "" where nothing is measured.
        lead: the leading metric, or None.
        segments: SEGMENTS with a column that names each row's attributes.
        metrics: SEGMENT_METRICS.
        attributes: in the order of the taxonomy.
    """

    digest: str
    model_id: str
    lead: LeadMetric | None
    segments: pa.Table
    metrics: pa.Table
    attributes: tuple[Attribute, ...]
    reference: Reference | None

    def of_attributes(self, names: Sequence[str]) -> tuple[Segment, ...]:
        """All segments of just these attributes."""
        order = [attribute.name for attribute in self.attributes if attribute.name in names]
        return self._joined(pc.equal(self.segments[_WHERE], _SEPARATOR.join(order)))

    def of_ways(self, n_way: int) -> tuple[Segment, ...]:
        """All segments of so many attributes."""
        return self._joined(pc.equal(self.segments["n_way"], n_way))

    def of_ids(self, ids: Sequence[str]) -> tuple[Segment, ...]:
        """The segments of these names that there are."""
        return self._joined(pc.is_in(self.segments["segment_id"], value_set=pa.array(ids, pa.string())))

    def within(self, parent: Segment) -> tuple[Segment, ...]:
        """Segments of one attribute more that lie in a segment."""
        mask = pc.equal(self.segments["n_way"], parent.n_way + 1)
        for name, value in zip(parent.attributes, parent.values, strict=True):
            mask = pc.and_(mask, pc.match_substring(self.segments["segment_id"], f"{name}={value}"))
        conditions = set(zip(parent.attributes, parent.values, strict=True))
        found = self._joined(mask)
        return tuple(s for s in found if conditions <= set(zip(s.attributes, s.values, strict=True)))

    def odd_of(self, ids: Sequence[str]) -> dict[str, str]:
        """`inside`, `outside` or `unknown` by segment; without those that no taxonomy was at hand for."""
        mine = self.segments.filter(pc.is_in(self.segments["segment_id"], value_set=pa.array(ids, pa.string())))
        rows = zip(mine["segment_id"].to_pylist(), mine["odd"].to_pylist(), strict=True)
        return {segment_id: odd for segment_id, odd in rows if odd}

    def _joined(self, mask: pa.ChunkedArray) -> tuple[Segment, ...]:
        rows = self.segments.filter(mask)
        mine = pc.is_in(self.metrics["segment_id"], value_set=rows["segment_id"].combine_chunks())
        return join_segments(rows, self.metrics.filter(mine), self.model_id, self.lead)


def open_source(view: View, name: str = "") -> Source | None:
    """The newest coverage, or that of a round or of a model, as it was measured; None: nothing was counted yet.

    Raises:
        NothingThereError: there is no such round or model, or it has no coverage.
    """
    digest = _digest_of(view, name)
    segments = view.table("coverage", "segments.parquet", digest=digest) if digest else None
    metrics = view.table("coverage", "segment_metrics.parquet", digest=digest) if digest else None
    if segments is None or metrics is None:
        if name:
            raise NothingThereError(f"{name} has no coverage")
        return None
    keyed = view.cached(("keyed segments", digest), lambda: _keyed(segments))
    lead = lead_metric(metrics, view.config)
    models = metrics["model_id"].unique().to_pylist()
    bare = Source(digest, str(models[0]) if models else "", lead, keyed, metrics, (), None)
    attributes, reference = view.cached(("attributes", view.digest, digest), lambda: _attributes(view, bare))
    return Source(digest, bare.model_id, lead, keyed, metrics, attributes, reference)


def covered_models(view: View) -> tuple[str, ...]:
    """Models that a coverage is of, newest first."""
    names = (str(s.evaluation.get("model_id") or s.proposal.get("model_id") or "") for s in reversed(view.rounds))
    return tuple(dict.fromkeys(name for name in names if name))


def _digest_of(view: View, name: str) -> str:
    """Of a model: the coverage that it was evaluated with, else that which it proposed from; the newest of several."""
    if not name:
        return view.stages.get("coverage", "")
    newest_first = tuple(reversed(view.rounds))
    state = next((s for s in newest_first if s.round_id == name), None)
    state = state or next((s for s in newest_first if s.evaluation.get("model_id") == name), None)
    state = state or next((s for s in newest_first if s.proposal.get("model_id") == name), None)
    if state is None:
        there = ", ".join([*(s.round_id for s in newest_first), *covered_models(view)]) or "none yet"
        raise NothingThereError(f"there is no round and no model {name!r}; there are: {there}")
    measured = state.evaluation.get("coverage_digest", "")
    return str(measured or state.proposal.get("stages", {}).get("coverage", ""))


def _keyed(segments: pa.Table) -> pa.Table:
    names = segments["attributes"].combine_chunks().cast(pa.list_(pa.string()))
    return segments.append_column(_WHERE, pc.binary_join(names, _SEPARATOR))


def _attributes(view: View, source: Source) -> tuple[tuple[Attribute, ...], Reference | None]:
    declared = {name: attribute.all_values for name, attribute in view.config.attributes.items()}
    outside = {name: attribute.all_outside for name, attribute in view.config.attributes.items()}
    single = source.of_ways(1)
    return attributes_of(declared, single, outside), reference_of(source.of_ways(0), source.lead)
