"""Transposing for the compiled loops, a square of numbers at a time, in the processor's registers.

Number by number, it takes as long as a logarithm of each. In squares it takes as long as reading them from memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from oddloop.compiled import compile_loop
from oddloop.score.arrays import AnyFloats

SIDE = 8
"""Rows and columns of a square; a power of two."""


def _exchange(builder: Any, first: Any, second: Any, step: int) -> tuple[Any, Any]:
    """Two rows of a square that are `step` apart, after exchanging what lies across the diagonal."""
    places = range(SIDE)
    upper = [SIDE + i - step if i & step else i for i in places]
    lower = [SIDE + i if i & step else i + step for i in places]
    masks = [ir.Constant(ir.VectorType(ir.IntType(32), SIDE), mask) for mask in (upper, lower)]
    return builder.shuffle_vector(first, second, masks[0]), builder.shuffle_vector(first, second, masks[1])


@cast(Callable[..., Any], intrinsic)
def _turn_square(_context: Any, source: Any, _at: Any, _stride: Any, target: Any, _to: Any, _width: Any) -> Any:
    """Write the square of (N,) numbers at `at`, rows `stride` apart, transposed to `to`, rows `width` apart."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def rows(which: int) -> list[Any]:
            data = context.make_array(signature.args[which])(context, builder, args[which]).data
            kind = ir.VectorType(data.type.pointee, SIDE).as_pointer()
            steps = [builder.mul(args[which + 2], args[which + 2].type(i)) for i in range(SIDE)]
            return [builder.bitcast(builder.gep(data, [builder.add(args[which + 1], s)]), kind) for s in steps]

        n_bytes = signature.args[0].dtype.bitwidth // 8
        square = [builder.load(row, align=n_bytes) for row in rows(0)]
        step = SIDE // 2
        while step:
            for i in (i for i in range(SIDE) if not i & step):
                square[i], square[i + step] = _exchange(builder, square[i], square[i + step], step)
            step //= 2
        for row, numbers in zip(rows(3), square, strict=True):
            builder.store(numbers, row, align=n_bytes)
        return context.get_dummy_value()

    return types.void(source, types.intp, types.intp, target, types.intp, types.intp), make


@compile_loop
def transpose(rows: AnyFloats, out: AnyFloats) -> None:
    """(R,C) numbers into the first R columns of `out` (C,W), of the same dtype; both contiguous, W at least R."""
    n_rows, n_columns = rows.shape
    source, target, width = rows.reshape(n_rows * n_columns), out.reshape(out.size), out.shape[1]
    whole = n_columns - n_columns % SIDE
    for row in range(0, n_rows - n_rows % SIDE, SIDE):
        for column in range(0, whole, SIDE):
            _turn_square(source, row * n_columns + column, n_columns, target, column * width + row, width)
        for i in range(row, row + SIDE):
            for column in range(whole, n_columns):
                out[column, i] = rows[i, column]
    for i in range(n_rows - n_rows % SIDE, n_rows):
        for column in range(n_columns):
            out[column, i] = rows[i, column]
