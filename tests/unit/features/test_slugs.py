"""Slugs: what stands in an address."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.features.datasets.service import slugify


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Raccoons at night", "raccoons-at-night"),
        ("  --Chest__X-ray (v2)  ", "chest-x-ray-v2"),
        ("Straßenszenen Köln", "strassenszenen-koln"),
        ("ﬁre № 5", "fire-no-5"),
        ("../../etc/passwd", "etc-passwd"),
        ("a" * 200, "a" * 80),
        ("a" * 79 + " b", "a" * 79),
        ("猫", "dataset"),
        ("", "dataset"),
        ("---", "dataset"),
        ("\x00", "dataset"),
    ],
)
def test_a_slug_is_plain(name: str, slug: str) -> None:
    assert slugify(name) == slug


@given(st.text(max_size=200))
def test_every_name_has_a_slug_which_is_its_own(name: str) -> None:
    slug = slugify(name)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
    assert len(slug) <= 80
    assert slugify(slug) == slug
