"""Random damage: flipped bits, numbers at their limits, cuts, doubled and misplaced ranges. Same dice, same damage."""

from collections.abc import Callable, Sequence
from random import Random

NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF, 2**63, 2**64 - 1)
_SIGNATURES = (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\7\x08")


def damaged(data: bytes, dice: Random, others: Sequence[bytes] = ()) -> bytes:
    """The data with one to six injuries; `others` are what may be spliced into it."""
    hurt = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 6))):
        if hurt:
            dice.choice(_INJURIES)(hurt, dice, others)
    return bytes(hurt)


def _flip(data: bytearray, dice: Random, _others: Sequence[bytes]) -> None:
    for _ in range(dice.choice((1, 1, 2, 8, 64))):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def _set(data: bytearray, dice: Random, _others: Sequence[bytes]) -> None:
    data[dice.randrange(len(data))] = dice.choice((0, 0xFF, 0x7F, 0x80, 0x2F, 0x2E, 0x20, 0x0A, dice.randrange(256)))


def _number(data: bytearray, dice: Random, _others: Sequence[bytes]) -> None:
    """A number at the limits of its type, somewhere or in a zip's record."""
    width, order = dice.choice((1, 2, 2, 4, 4, 8)), dice.choice(("little", "big"))
    at = min(_place(data, dice), max(0, len(data) - width))
    number = dice.choice((*NUMBERS, len(data), len(data) - 1, dice.randrange(1 << 16))) & ((1 << 8 * width) - 1)
    data[at : at + width] = number.to_bytes(width, order)  # type: ignore[arg-type]


def _place(data: bytearray, dice: Random) -> int:
    at = data.find(dice.choice(_SIGNATURES), dice.randrange(len(data)))
    return dice.randrange(len(data)) if at < 0 else at + dice.randrange(50)


def _cut(data: bytearray, dice: Random, _others: Sequence[bytes]) -> None:
    del data[dice.randrange(len(data)) :]


def _remove(data: bytearray, dice: Random, _others: Sequence[bytes]) -> None:
    start, end = _range(data, dice)
    del data[start:end]


def _double(data: bytearray, dice: Random, _others: Sequence[bytes]) -> None:
    start, end = _range(data, dice)
    at = dice.randrange(len(data))
    data[at:at] = data[start:end] * dice.choice((1, 1, 2, 30))


def _overwrite(data: bytearray, dice: Random, _others: Sequence[bytes]) -> None:
    start, end = _range(data, dice)
    at = dice.randrange(len(data))
    data[at : at + end - start] = data[start:end]


def _insert(data: bytearray, dice: Random, _others: Sequence[bytes]) -> None:
    at = dice.randrange(len(data))
    data[at:at] = dice.choice((bytes(dice.randrange(600)), dice.randbytes(dice.randrange(600)), b"\xff" * 300))


def _splice(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    if others:
        other = dice.choice(others)
        data[dice.randrange(len(data)) :] = other[dice.randrange(len(other)) :]


def _range(data: bytearray, dice: Random) -> tuple[int, int]:
    start = dice.randrange(len(data))
    return start, start + dice.choice((1, 4, 30, 46, 512, 1024, dice.randrange(1, len(data) + 1)))


_INJURIES: tuple[Callable[[bytearray, Random, Sequence[bytes]], None], ...] = (
    _flip,
    _flip,
    _set,
    _number,
    _number,
    _number,
    _cut,
    _remove,
    _double,
    _overwrite,
    _insert,
    _splice,
)
