"""How a command is told its source: whole, or in parts."""

from typing import Annotated

import typer

Whole = Annotated[
    str | None,
    typer.Argument(help="A URL, or the path of an archive or directory on this machine.", show_default=False),
]
Images = Annotated[
    str | None, typer.Option(help="Instead of a source: an archive or directory of images.", show_default=False)
]
Labels = Annotated[
    str | None, typer.Option(help="With --images: an archive or directory of labels.", show_default=False)
]
Config = Annotated[
    str | None, typer.Option(help="With --images: the data.yaml, or an archive with it.", show_default=False)
]
Format = Annotated[
    str,
    typer.Option(
        "--format", help="auto, yolo, coco, voc, kitti, csv, imagefolder, tiny-imagenet or images (without labels)."
    ),
]
