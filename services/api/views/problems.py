"""RFC 9457 problem documents."""

from pydantic import BaseModel, ConfigDict, Field


class FieldProblem(BaseModel):
    """What is wrong with one part of a request."""

    pointer: str = Field(description="JSON pointer to the part.")
    detail: str


class ProblemView(BaseModel):
    """What went wrong, in words for people (`detail`) and programs (`type`)."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/dataset-not-found",
                    "title": "Dataset not found",
                    "status": 404,
                    "detail": "No dataset 'racoons' that you may read.",
                    "instance": "/datasets/racoons",
                    "correlation_id": "0193a5c1f2b04be0c9d1a7e2",
                }
            ]
        },
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    correlation_id: str
    errors: list[FieldProblem] | None = None
