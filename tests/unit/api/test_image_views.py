"""The JSON of a page of images, which is built by hand, against what the API's description says of it."""

from datetime import UTC, datetime

from services.api.views.images import ImageView, image_view, page_json
from services.api.views.pages import PageView
from shared.features.datasets.models import Category, Dataset, DatasetState, Rollup
from shared.features.images.models import Annotation, Image, LabelFile
from shared.features.sharing.access import Access
from shared.foundation.ids import DatasetId, ImageId, JobId
from shared.foundation.paging import Page

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DATASET = Dataset(
    id=DatasetId("d"),
    slug="slug",
    name="name",
    description="",
    state=DatasetState.READY,
    task="detect",
    format="yolo",
    layout=None,
    source="",
    storage="objects",
    version=1,
    categories=(Category(id=0, name="cat"),),
    rollup=Rollup(),
    access=Access(owner_id="me"),
    tags=(),
    import_job_id=JobId("j"),
    created_at=NOW,
    updated_at=NOW,
    deleted_at=None,
)
BOXES = [
    Annotation(0, "box", [0.5, 0.5, 0.1, 1e-7]),
    Annotation(9, "polygon", [0.5, 0.5, 0.1, 0.1], [[0.1, 0.2], [0.3, 0.4], [1, 0]]),
]
IMAGE = Image(
    id=ImageId("i"),
    dataset_id=DATASET.id,
    path='a/"é.jpg',
    file_name='"é.jpg',
    split=None,
    width=None,
    height=3,
    format=None,
    orientation=1,
    size_bytes=7,
    sha256=None,
    crc32=1,
    object_key=None,
    member=None,
    label=LabelFile("l", 1, None, 0, None),
    annotations=BOXES,
    annotation_count=2,
    annotations_key=None,
    findings=1,
    pending=["bytes"],
)


def test_a_page_is_what_the_description_says() -> None:
    written = page_json(Page([IMAGE, IMAGE], "next", 5), DATASET)
    described = PageView[ImageView](
        items=[image_view(IMAGE, DATASET, DATASET.category_names)] * 2, next_cursor="next", total=5
    )
    assert PageView[ImageView].model_validate_json(written) == described
    assert set(ImageView.model_fields) == set(described.items[0].model_dump())
    assert [one.category for one in described.items[0].annotations] == ["cat", "class_9"]
