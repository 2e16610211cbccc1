"""What a version is asked for, and what can be wrong with that."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.features.datasets.models import VersionCounts
from shared.features.imports.models import FixesChoice, check_fixes
from shared.foundation.errors import Conflict, Invalid

Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]


class VersionRequest(BaseModel):
    """Which fixes to apply to the published version."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"fixes": {"ROW_CORNER_OUTSIDE": "clip", "ROW_CLASS_RANGE": "remap"}, "category_map": {"7": 2}},
                {"fixes": "suggested", "note": "before the first training"},
            ]
        },
    )

    fixes: FixesChoice = Field(
        description="Fixes by rule, or `suggested` for what is suggested about all that is found."
    )
    category_map: dict[int, int] = Field(
        default_factory=dict, description="With `remap`: the category of each id of label files that has no name."
    )
    note: Note = Field(default="", description="Free text for the history.")

    @model_validator(mode="after")
    def _can_be_applied(self) -> Self:
        check_fixes(self.fixes, self.category_map)
        if self.fixes == {}:
            raise ValueError("no fix is chosen")
        return self


class RollbackRequest(BaseModel):
    """Which version to bring back."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"version": 1}]})

    version: int = Field(ge=1, description="A published version, which becomes the content of a new one.")
    note: Note = Field(default="", description="Free text for the history.")


class VersionOrder(BaseModel):
    """What a job that makes a version was asked: fixes by rule, or the version to restore; `asked` is it verbatim."""

    model_config = ConfigDict(frozen=True)

    asked: str = ""
    fixes: dict[str, str] = {}
    category_map: dict[int, int] = {}
    restores: int | None = None
    note: str = ""


class Preview(BaseModel):
    """What fixes would change, as far as images were looked at."""

    images_looked_at: int
    images: int = Field(description="Images of the dataset.")
    complete: bool = Field(description="Whether all images were looked at; else the counts are those of the first.")
    fixes: dict[str, str] = Field(description="What would be applied, by rule.")
    counts: VersionCounts


class FixesDoNotFit(Invalid):
    """The fixes cannot be applied to this dataset."""

    slug, title = "fixes-do-not-fit", "The fixes do not fit the dataset"


class NothingToFix(Conflict):
    """Nothing was found about which a fix is suggested."""

    slug, title = "nothing-to-fix", "There is nothing to fix"


class NothingToRestore(Conflict):
    """The version is the published one."""

    slug, title = "nothing-to-restore", "The version is the published one"
