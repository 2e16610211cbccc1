"""Names that are not UTF-8: which encoding is taken, and that an image and its label still pair."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.archives.entry import UNDECIDED, ArchiveEntry, EntryKind
from shared.formats.archives.name_encoding import HeldEntries, NameDecoder, other_spellings, undecided_name

EUROPEAN = (
    "Grün Größe Straße Mädchen Zürich Café résumé niño piñata crème brûlée Ångström Åland Öl naïve Ähre über façade "
    "garçon élève été Noël Björk señor corazón jamón Ürün Übung fenêtre"
)
JAPANESE = (
    "画像 テスト 写真 日本語 犬 猫 表示 学習データ 検証用 ラベル なまえ 新しいフォルダ 東京タワー 画像001 IMG_犬 "
    "ﾃｽﾄ画像 データセット 車両検出 人物 道路標識"
)
CHINESE = "图片 标签 中文 训练集 验证集 数据 新建文件夹 汽车检测 行人 北京 照片001 交通标志 测试 猫 狗 檔案 學習"
WORDS = {"CP437": ("cp437", EUROPEAN), "Shift-JIS": ("cp932", JAPANESE), "GBK": ("gbk", CHINESE)}


def settled(names: list[bytes]) -> tuple[NameDecoder, str]:
    decoder = NameDecoder()
    decoder.settle(names)
    return decoder, decoder.decode(b"\xff\xfe")[1]


@pytest.mark.parametrize("label", WORDS)
def test_the_encoding_of_an_archive(label: str) -> None:
    codec = WORDS[label][0]
    names = [f"images/{word}_{number}.jpg".encode(codec) for number, word in enumerate(WORDS[label][1].split())]
    decoder, found = settled(names)
    assert found == label
    decoded = [decoder.decode(name) for name in names]
    assert [name for name, guessed in decoded if guessed] == [
        raw.decode(codec) for raw, (_, guessed) in zip(names, decoded, strict=True) if guessed
    ]
    assert sum(not guessed for _, guessed in decoded) <= 2  # UTF-8 by chance


@pytest.mark.parametrize(
    ("label", "word"), [(label, word) for label, (_, words) in WORDS.items() for word in words.split()]
)
def test_mostly_one_name_suffices(label: str, word: str) -> None:
    raw = f"{word}.jpg".encode(WORDS[label][0])
    decided = NameDecoder().decode(raw)
    if (label, word) in {("Shift-JIS", "ﾃｽﾄ画像"), ("GBK", "图片"), ("GBK", "猫")}:
        assert decided == (raw.decode(), "")  # UTF-8 by chance
    elif word in {"brûlée", "élève", "學習"}:
        assert decided[1] != label  # too short to tell
    else:
        assert decided == (f"{word}.jpg", label)


@pytest.mark.parametrize("raw", [b"a.txt", "ü名.txt".encode(), b""])
def test_utf8_is_never_guessed(raw: bytes) -> None:
    decoder, _ = settled(["画像".encode("cp932")])
    assert decoder.decode(raw) == (raw.decode(), "")


def test_what_the_chosen_encoding_cannot_read_falls_back() -> None:
    decoder, label = settled(["画像".encode("cp932")])
    assert decoder.decode(b"a\x81.txt") == ("aü.txt", label)


def test_the_choice_stays() -> None:
    decoder, label = settled(["画像".encode("cp932")])
    decoder.settle(["图片".encode("gbk")] * 9)
    assert decoder.decode("犬".encode("cp932")) == ("犬", label) == ("犬", "Shift-JIS")


@given(
    stem=st.binary(min_size=1, max_size=12).filter(lambda raw: not set(raw) & set(b"/.")),
    folders=st.lists(st.binary(max_size=6).filter(lambda raw: b"/" not in raw), min_size=2, max_size=2),
    samples=st.lists(st.binary(max_size=20), max_size=5),
)
def test_equal_bytes_of_a_stem_stay_equal_in_any_folder_and_with_any_ending(
    stem: bytes, folders: list[bytes], samples: list[bytes]
) -> None:
    decoder, _ = settled([*samples, b"\xff"])
    image, _ = decoder.decode(folders[0] + b"/" + stem + b".jpg")
    label, _ = decoder.decode(folders[1] + b"/" + stem + b".txt")
    assert image.rpartition("/")[2].removesuffix(".jpg") == label.rpartition("/")[2].removesuffix(".txt")


def entry(raw: bytes) -> ArchiveEntry:
    name, guessed = undecided_name(raw)
    return ArchiveEntry(name, 0, 0, 0, 0, None, EntryKind.FILE, guessed_encoding=guessed)


@given(st.binary())
def test_undecided_names_keep_their_bytes(raw: bytes) -> None:
    name, guessed = undecided_name(raw)
    assert name.encode(errors="surrogateescape") == raw
    assert guessed in ("", UNDECIDED)


def test_nothing_is_held_before_the_first_name_in_doubt() -> None:
    held = HeldEntries()
    plain = entry(b"a.txt")
    assert list(held.pass_on(plain)) == [plain]
    assert list(held.pass_on(entry(b"\x81.txt"))) == []
    assert list(held.pass_on(plain)) == []
    assert [one.name for one in held.release()] == ["ü.txt", "a.txt"]  # type: ignore[union-attr]
    assert list(held.release()) == []


@pytest.mark.parametrize("raw", [b"\x81" * 500, b"\x81.txt"])
def test_what_is_held_is_bounded(raw: bytes) -> None:
    held = HeldEntries()
    most = 0
    for number in range(1, 500):
        if held.pass_on(entry(raw)):
            most = max(most, number)
            break
    assert most == 200
    long = HeldEntries()
    assert list(long.pass_on(entry(b"\xff" + b"a" * 60_000))) == []
    assert any(long.pass_on(entry(b"a" * 60_000)) for _ in range(20))


def test_other_spellings_are_the_other_normal_forms() -> None:
    composed, decomposed = "caf\u00e9.jpg", "cafe\u0301.jpg"
    assert list(other_spellings(composed)) == [decomposed]
    assert list(other_spellings(decomposed)) == [composed]
    assert not other_spellings("cafe.jpg")
    assert not other_spellings("名.jpg")
    mixed = composed + decomposed
    assert list(other_spellings(mixed)) == [composed * 2, decomposed * 2]


def test_names_are_kept_in_the_form_they_have() -> None:
    for name in ("caf\u00e9.jpg", "cafe\u0301.jpg"):
        assert NameDecoder().decode(name.encode()) == (name, "")
        assert PurePosixPath(name).name == name
