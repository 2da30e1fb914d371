"""What the compiled loops over pixels do with one number: read it as float32, take its logarithm or exponential.

All is branchless arithmetic in float32 that the compiler turns into eight or sixteen numbers at a time. Half precision
is widened by the processor's own instruction where the machine code may use it, else by shifting the bits; both give
exactly what NumPy gives. Relative errors are below 3e-7.

The machine code of `loops` is made anew when that file changes: who changes this one must remove `__pycache__/*.nb?`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core.registry import cpu_target
from numba.extending import intrinsic, overload

_Loop = TypeVar("_Loop", bound=Callable[..., Any])
Single: TypeAlias = Any
"""A float32, as numba sees it; to a type checker NumPy's scalars and floats are not one type."""
_Instruction = tuple[Any, Callable[[Any, Any, Any, Any], Any]]
"""An instruction as numba takes it: its signature, and what writes it."""


def compiled(loop: _Loop) -> _Loop:
    """Compile at first use; keep the machine code where a folder can be written.

    The interpreter's lock is released. A product and the sum after it may be rounded once (`contract`); nothing else of
    `fastmath` is permitted, least of all that there is no NaN.
    """
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
    try:
        return cast(_Loop, njit(cache=True, **options)(loop))
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return cast(_Loop, njit(**options)(loop))


def _instruction(make: Callable[..., _Instruction]) -> Callable[..., Any]:
    return cast(Callable[..., Any], intrinsic(make))


@_instruction
def bits_of(_context: Any, _x: Any) -> _Instruction:
    """The bits of a float32 as an integer."""
    return types.int32(types.float32), lambda _c, builder, _s, args: builder.bitcast(args[0], ir.IntType(32))


@_instruction
def float_of(_context: Any, _bits: Any) -> _Instruction:
    """The float32 of these bits."""
    return types.float32(types.int32), lambda _c, builder, _s, args: builder.bitcast(args[0], ir.FloatType())


@_instruction
def _widen_half(_context: Any, _bits: Any) -> _Instruction:
    """The float32 of a float16 given as its bits, by the processor's instruction."""

    def make(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.fpext(builder.bitcast(args[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.uint16), make


def has_half_instruction() -> bool:
    """Whether the machine code may use an instruction that widens half precision."""
    triple, _, features = cpu_target.target_context.codegen().magic_tuple()
    return str(triple).startswith(("aarch64", "arm64")) or "+f16c" in features


_ONE, _ZERO = np.float32(1.0), np.float32(0.0)
LN2, LOG2_E = np.float32(np.log(2.0)), np.float32(1.0 / np.log(2.0))
_23 = np.int32(23)
_HALF_ROOT = np.int32(0x3F3504F3)  # the bits of 1/√2
# log2(1 + z) = z (1/ln 2 + ...) for 1/√2 - 1 <= z < √2 - 1, relative error 1.7e-7: the best of its degree (Remez).
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7 = (
    np.float32(c)
    for c in (1.4426949, -0.72135282, 0.48092324, -0.36023962, 0.28709871, -0.24887687, 0.23404238, -0.14581169)
)


@compiled
def log2(x: Single) -> Single:
    """`log2 x` of a positive normal float32; finite also for 0, so that `x * log2(x)` is 0 there.

    Not `ln x`, for which the exponent would have to be multiplied.
    """
    bits = bits_of(x)
    exponent = np.int32(bits - _HALF_ROOT) >> _23
    z = float_of(np.int32(bits - np.int32(exponent << _23))) - _ONE
    r = _L3 + z * (_L4 + z * (_L5 + z * (_L6 + z * _L7)))
    r = _L0 + z * (_L1 + z * (_L2 + z * r))
    result: Single = np.float32(exponent) + z * r
    return result


@compiled
def log2_of_one_and(t: Single) -> Single:
    """`log2(1 + t)` of a float32 above -1, exact also where t is tiny."""
    x = _ONE + t
    result: Single = log2(x) + LOG2_E * (t - (x - _ONE)) / x  # what rounding lost of t comes back
    return result


LOWEST = np.float32(-87.0)
"""Of which the exponential is still a normal float32."""
_MAGIC = np.float32(1.5 * 2**23)  # added, it leaves the nearest integer in the low bits
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_E2, _E3, _E4, _E5, _E6, _E7 = (
    np.float32(c) for c in (0.5, 1.6666665e-1, 4.1665796e-2, 8.3334519e-3, 1.3981999e-3, 1.9875691e-4)
)


@compiled
def exp_of_gap(gap: Single) -> Single:
    """`e^gap` of a float32 from `LOWEST` to 0; NaN of NaN."""
    shifted = gap * LOG2_E + _MAGIC
    n = shifted - _MAGIC
    r = (gap - n * _LN2_HIGH) - n * _LN2_LOW
    series = _E2 + r * (_E3 + r * (_E4 + r * (_E5 + r * (_E6 + r * _E7))))
    power = float_of(np.int32(np.int32(bits_of(shifted) << _23) + np.int32(0x3F800000)))
    result: Single = (_ONE + (r + r * r * series)) * power
    return result


def widen_bits(bits: int) -> Single:
    """The float32 of a float16 given as its bits, by integer arithmetic."""
    size = np.int32(bits) & np.int32(0x7FFF)
    normal = np.int32(np.int32(size << np.int32(13)) + np.int32(112 << 23))
    x = np.float32(size) * np.float32(2.0**-24) if size < np.int32(0x400) else float_of(normal)
    x = float_of(np.int32(np.int32(size << np.int32(13)) | np.int32(0x7F800000))) if size >= np.int32(0x7C00) else x
    return -x if np.int32(bits) >= np.int32(0x8000) else x


def number_of(value: Any, scale: Single, zero: Single) -> Single:
    """A stored number as float32: float16 comes as its bits, uint8 is `scale * (value - zero)`. Compiled code only."""
    raise NotImplementedError


def _choose_number(value: Any, scale: Any, zero: Any) -> Callable[..., Any]:
    if value == types.uint16:
        widen = _widen_half if has_half_instruction() else compiled(widen_bits)
        return lambda value, scale, zero: widen(value)
    if value == types.uint8:
        return lambda value, scale, zero: (np.float32(value) - zero) * scale
    return lambda value, scale, zero: np.float32(value)


# Not strict: the annotations of the two signatures may differ.
overload(number_of, strict=False)(_choose_number)
