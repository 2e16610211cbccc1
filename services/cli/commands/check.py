"""`datayard check`: what an import would find in a source. Needs no yard; nothing is stored."""

import re
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from services.cli.commands.import_ import LabelTask
from services.cli.commands.source_options import Config, Format, Images, Labels, Whole
from services.cli.failures import Exit

_KEYPOINTS = re.compile(r"([1-9]\d{0,3})\s*[,x]\s*([23])")


class CheckCommand(TyperCommand):
    """The command; a mistake in its options has an exit code of its own, as 2 says that errors were found."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Read the options."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except typer.TyperException as error:
            if getattr(error, "exit_code", None) == Exit.USAGE:
                vars(error)["exit_code"] = int(Exit.NOT_CHECKED)
            raise


@dataclass(frozen=True, slots=True)
class KeypointShape:
    """Keypoints of a pose, and values of each."""

    count: int
    dims: int


def _keypoints(given: str) -> KeypointShape:
    found = _KEYPOINTS.fullmatch(given.strip().strip("[]"))
    if found is None:
        raise typer.BadParameter("give the number of keypoints and of the values of each, 2 or 3, such as 17,3")
    return KeypointShape(int(found[1]), int(found[2]))


_Task = Annotated[LabelTask, typer.Option(help="What the rows of labels are; obb has to be asked for.")]
_Count = Annotated[
    int | None, typer.Option("--nc", min=1, help="Number of categories, whatever is described.", show_default=False)
]
_Shape = Annotated[
    KeypointShape | None,
    typer.Option(
        "--kpt-shape", parser=_keypoints, metavar="N,D", help="Keypoints and values of each.", show_default=False
    ),
]
_Single = Annotated[bool, typer.Option("--single-cls", help="Trainers are told to take all categories for one.")]
_Deep = Annotated[bool, typer.Option("--deep", help="Decode every image.")]
_Root = Annotated[str | None, typer.Option(help="Which dataset, where the source holds several.", show_default=False)]
_Seconds = Annotated[
    float | None, typer.Option(min=0, help="Read labels for so long; then say what is known.", show_default=False)
]


def check(
    source: Whole = None,
    *,
    images: Images = None,
    labels: Labels = None,
    config: Config = None,
    task: _Task = LabelTask.AUTO,
    category_count: _Count = None,
    keypoint_shape: _Shape = None,
    single_category: _Single = False,
    deep: _Deep = False,
    format_: Format = "auto",
    root: _Root = None,
    seconds: _Seconds = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the findings as CSV.")] = False,
    as_sarif: Annotated[bool, typer.Option("--sarif", help="Print the findings as SARIF 2.1.0.")] = False,
) -> None:
    """Say what is wrong with a dataset and what trainers would make of it. Nothing is stored, no yard is needed.

    Exit code 0: clean, 1: warnings, 2: errors; 3: the source does not answer, 4: it cannot be checked.
    """
    from services.cli.checking import CheckRequest, run_check  # noqa: PLC0415 - keeps --help quick

    parts = {"images": images, "labels": labels, "config": config}
    request = CheckRequest(
        source=source,
        parts={name: given for name, given in parts.items() if given is not None},
        task=task.value,
        format=format_,
        root=root,
        category_count=category_count,
        keypoint_shape=(keypoint_shape.count, keypoint_shape.dims) if keypoint_shape else None,
        single_category=single_category,
        deep=deep,
        seconds=seconds,
        shown_as=[name for name, asked in (("json", as_json), ("csv", as_csv), ("sarif", as_sarif)) if asked],
    )
    raise typer.Exit(run_check(request))
