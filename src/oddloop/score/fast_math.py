"""What the compiled loops share: a logarithm that the compiler turns into eight at a time, and asking for memory.

The logarithm is 2 artanh((m - 1) / (m + 1)) + e ln 2 for x = m 2^e, 1/√2 <= m < √2, by a polynomial interpolated in
Chebyshev's points; its relative error is below 1e-15. It has no branch and no table, so that a loop over it becomes
vector instructions (512 bits wide where the processor has them). A product and the sum after it are rounded once where
the processor can.

The machine code of a loop is kept on disk beside the file that it stands in, and compiled anew when that file changes:
who changes this one must remove `__pycache__/*.nb?` of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from oddloop.compiled import compile_loop

TINY = float(np.finfo(np.float64).tiny)
"""The smallest number whose logarithm `log` knows."""
LN2 = float(np.log(2.0))
LINE_BYTES = 64
"""What the processor fetches from memory at once."""
# 2 artanh(s) / s by s² up to that of s = (√2 - 1) / (√2 + 1), relative error 2.3e-16: the power series needs two terms
# more.
_C0, _C1, _C2, _C3 = 2.0000000000000004, 0.6666666666655292, 0.40000000061741614, 0.2857141602110767
_C4, _C5, _C6 = 0.22223434547517906, 0.18121934431215214, 0.16837659970680488
_MANTISSA = np.uint64(0x000FFFFFFFFFFFFF)
_HALF_ROOT = np.uint64(0x3FE6A09E667F3BCD)  # the bits of 1/√2
_SHIFT = np.uint64(0x3FF0000000000000 - 0x3FE6A09E667F3BCD)
_MAGIC = np.uint64(0x4330000000000000)  # 2^52: the integer in its low bits is a float without conversion
_MAGIC_BIAS = 4503599627370496.0 + 1023.0
_52 = np.uint64(52)


def _instruction(make: Callable[..., Any]) -> Callable[..., Any]:
    return cast(Callable[..., Any], intrinsic(make))


@_instruction
def _bits_of(_context: Any, _x: Any) -> Any:
    """The bits of a float64 as an integer."""
    return types.uint64(types.float64), lambda _c, builder, _s, args: builder.bitcast(args[0], ir.IntType(64))


@_instruction
def _float_of(_context: Any, _bits: Any) -> Any:
    """The float64 of these bits."""
    return types.float64(types.uint64), lambda _c, builder, _s, args: builder.bitcast(args[0], ir.DoubleType())


@_instruction
def multiply_add(_context: Any, _a: Any, _b: Any, _c: Any) -> Any:
    """`a * b + c`, rounded once where the processor has an instruction for it."""

    def make(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.DoubleType(), [ir.DoubleType()] * 3)
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.fmuladd.f64"), args)

    return types.float64(types.float64, types.float64, types.float64), make


@_instruction
def prefetch(_context: Any, row: Any, _index: Any) -> Any:
    """Ask for the cache line of `row[index]`, without waiting for it."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        place = builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place.type, word, word, word])
        function = builder.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
        builder.call(function, [place, word(0), word(2), word(1)])  # to read, of some use later, data
        return context.get_dummy_value()

    return types.void(row, types.intp), make


@compile_loop
def log(x: float) -> float:
    """`ln x` of a positive normal number."""
    t = _bits_of(x) + _SHIFT
    m = _float_of((t & _MANTISSA) + _HALF_ROOT)
    exponent = _float_of((t >> _52) | _MAGIC) - _MAGIC_BIAS
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    r = multiply_add(z, multiply_add(z, multiply_add(z, _C6, _C5), _C4), _C3)
    r = multiply_add(z, multiply_add(z, multiply_add(z, r, _C2), _C1), _C0)
    result: float = multiply_add(exponent, LN2, s * r)
    return result
