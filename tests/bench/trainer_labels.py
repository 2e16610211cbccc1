"""Label files made at random, mostly good, with everything in them that some release reads differently."""

from dataclasses import dataclass
from random import Random

from shared.formats.annotations.trainers.model import TrainingTask

_PLAIN = ("0", "1", "2", ".5", ".25", ".1", ".2", ".3", ".9", ".5")
_CATEGORIES = ("0", "1", "2", "3", "0")
_ODD = (
    *("0", "1", "2", "3", "4", "-1", "1.5", "3.0", "2.9999999999", "1e0", "1e-3", "0x1", "1_0", "\u0661", "-0", "-0.0"),
    *(".5", ".25", ".1", ".9", ".500000001", "1.005", "1.01", "1.0100001", "1.0099999", "1.02"),
    *("-0.005", "-0.01", "-0.0100001", "-0.02", "1e-46", "-1e-46", "1e39", "nan", "inf", "-inf", "#", "cat", "1,5"),
)
_COLUMNS = (*[5] * 8, *[7] * 4, *[9] * 3, 11, 11, 15, 6, 8, 20, 3, 1, 2, 4)
_OTHER_COLUMNS = (1, 2, 3, 4, 5, 5, 6, 7, 9, 11, 12)
_BETWEEN = (*[" "] * 30, "\t", "  ", "\u3000", " \t", ",")
_LINE_ENDS = (*["\n"] * 20, "\r\n", "\r", "\u2028", "\n\n", "\n \n", "\x0b", "\x0c", "\x1c", "\x85")
_KEYPOINTS = ((2, 3), (5, 2), (1, 2), (1, 3), (3, 2), (17, 3), (3, 3))


@dataclass(frozen=True, slots=True)
class LabelCase:
    """A label file, None for none, and what the trainer is told."""

    label: bytes | None
    task: TrainingTask


def label_case(dice: Random) -> LabelCase:
    """The next case."""
    is_pose = dice.random() < 0.3
    count, dims = dice.choice(_KEYPOINTS) if is_pose or dice.random() < 0.3 else (0, 0)
    task = TrainingTask(dice.choice((1, 2, 3, 3, 3, 10)), is_pose, count, dims, dice.random() < 0.15)
    oddness = dice.choice((0, 0, 0, 0, 0.02, 0.05, 0.1))
    if is_pose and dice.random() < 0.8:
        rows = [_row(dice, task.pose_columns, oddness) for _ in range(dice.choice((1, 1, 2)))]
        return LabelCase("\n".join(map(" ".join, rows)).encode() + b"\n", task)
    return LabelCase(_encoded(dice, _text(dice, oddness)), task)


def _text(dice: Random, oddness: float) -> str:
    columns, rows = dice.choice(_COLUMNS), list[list[str]]()
    for _ in range(dice.choice((0, 1, 1, 1, 1, 1, 2, 2, 3))):
        if rows and dice.random() < 0.25:
            rows.append(dice.choice(rows))
        else:
            rows.append(_row(dice, columns if dice.random() < 0.95 else dice.choice(_OTHER_COLUMNS), oddness))
    between, end = dice.choice(_BETWEEN), dice.choice(_LINE_ENDS)
    blank = lambda: " " if dice.random() < 0.1 else ""  # noqa: E731 - it is drawn anew for each row
    text = end.join(f"{blank()}{between.join(row)}{blank()}" for row in rows)
    return text + (dice.choice(("", end, "\n", "\n\n", " \n", "\x00")) if dice.random() < 0.5 else end)


def _row(dice: Random, columns: int, oddness: float) -> list[str]:
    row = [dice.choice(_ODD if dice.random() < oddness else _PLAIN) for _ in range(columns)]
    row[0] = dice.choice(_ODD if dice.random() < 2 * oddness else _CATEGORIES)
    return row


def _encoded(dice: Random, text: str) -> bytes | None:
    chance = dice.random()
    if chance < 0.03:
        return text.encode("utf-8-sig")
    if chance < 0.035:
        return text.encode("utf-16")
    if chance < 0.04:
        return text.encode() + b"\xe9"
    return None if chance < 0.05 else text.encode()
