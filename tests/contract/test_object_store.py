"""What every ObjectStore promises, and what each of them does beyond."""

import asyncio
import errno
import os
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client
from google.oauth2 import service_account

from shared.adapters.object_store import disk, gcs, gcs_bucket
from shared.adapters.object_store.gcs import GcsObjectStore
from shared.adapters.object_store.local import LocalObjectStore
from shared.adapters.object_store.memory import MemoryObjectStore
from shared.foundation.errors import Unavailable
from shared.foundation.ids import new_id
from shared.foundation.settings import GcsStore
from shared.ports.object_store import StorageFull, StorageUnavailable
from tests.contract.object_store_contract import ObjectStoreContract, content, keys, stream
from tests.emulators import storage


class TestMemoryObjectStore(ObjectStoreContract):
    @pytest.fixture
    def store(self):
        return MemoryObjectStore()


class TestLocalObjectStore(ObjectStoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        return LocalObjectStore(tmp_path / "objects")

    async def test_two_stores_share_a_folder(self, store, tmp_path):
        await store.put("a/b", b"1")
        other = LocalObjectStore(tmp_path / "objects")
        assert await content(other, "a/b") == b"1"
        await other.delete_prefix("a/")
        await store.put("a/b", b"2")
        assert await content(other, "a/b") == b"2"

    async def test_what_a_crash_left_is_invisible_and_goes_after_a_day(self, tmp_path):
        partial = tmp_path / ".partial"
        partial.mkdir()
        for name, age_days in (("old", 2), ("young", 0)):
            (partial / name).write_bytes(b"half")
            at = time.time() - age_days * 86400
            os.utime(partial / name, (at, at))
        store = LocalObjectStore(tmp_path)
        assert await keys(store) == []
        await store.put("a", b"1")
        assert [path.name for path in partial.iterdir()] == ["young"]

    async def test_leaves_no_empty_folders(self, store, tmp_path):
        await store.put("a/b/c", b"1")
        await store.move("a/b/c", "d/e")
        await store.delete("d/e")
        assert [path.name for path in (tmp_path / "objects").iterdir()] == [".partial"]

    async def test_a_full_disk_is_the_ports_error(self, store, monkeypatch):
        def full(_file: object, _data: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(disk, "append", full)
        with pytest.raises(StorageFull):
            await store.write("a", stream(b"1"))
        with pytest.raises(StorageFull):
            await store.put("a", b"1")
        assert await keys(store) == []

    async def test_ping_sees_a_nearly_full_disk(self, store, monkeypatch):
        monkeypatch.setattr(disk.shutil, "disk_usage", lambda _path: SimpleNamespace(free=2**20))
        with pytest.raises(StorageFull):
            await store.ping()

    async def test_ping_sees_a_root_that_cannot_be(self, tmp_path):
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(Unavailable):
            await LocalObjectStore(tmp_path / "file").ping()

    def test_a_real_full_disk(self):
        if not Path("/dev/full").exists():
            pytest.skip("needs /dev/full")
        with Path("/dev/full").open("wb", buffering=0) as file, pytest.raises(StorageFull), disk.translated():
            disk.append(file, b"1")


@pytest.fixture(scope="module")
def bucket_service():
    """Address of a Cloud Storage emulator."""
    with storage.serving() as address:
        yield address


def make_bucket(address: str) -> str:
    name = f"bucket-{new_id()}"
    client = Client(project="p", credentials=AnonymousCredentials(), client_options={"api_endpoint": address})
    client.create_bucket(name)
    return name


class TestGcsObjectStore(ObjectStoreContract):
    @pytest.fixture
    def settings(self, bucket_service):
        return GcsStore(bucket=make_bucket(bucket_service), prefix="yard/", endpoint=bucket_service)

    @pytest.fixture
    def store(self, settings):
        return GcsObjectStore(settings)

    async def test_an_upload_of_many_pieces(self, store, monkeypatch):
        monkeypatch.setattr(gcs, "UPLOAD_BYTES", 2**18)
        for size in (2**18 - 1, 2**18, 2**18 + 1, 2**20, 2**20 + 7):
            data = os.urandom(size)
            assert await store.write("large", stream(data[: size // 3], data[size // 3 :])) == size
            assert await content(store, "large") == data

    async def test_an_upload_that_breaks_half_way_leaves_what_was_there(self, store, monkeypatch):
        monkeypatch.setattr(gcs, "UPLOAD_BYTES", 2**18)

        async def breaking() -> AsyncIterator[bytes]:
            yield os.urandom(3 * 2**18)
            raise ConnectionResetError("the sender is gone")

        await store.put("a", b"before")
        with pytest.raises(ConnectionResetError):
            await store.write("a", breaking())
        assert await content(store, "a") == b"before"

    async def test_a_reader_that_leaves_early_holds_nothing_up(self, store):
        await store.put("a", os.urandom(20 * 2**20))
        for _ in range(40):  # more than there are connections
            async with aclosing(store.read("a")) as chunks:
                await anext(chunks)
        assert len(await content(store, "a")) == 20 * 2**20

    async def test_signs_addresses_with_a_key(self, store, settings):
        await store.put("a b/ü.jpg", b"picture")
        signer = service_account.Credentials.from_service_account_info(service_account_info())
        address = await GcsObjectStore(settings, signer).signed_url("a b/ü.jpg", expires_seconds=60)
        assert {"X-Goog-Signature", "X-Goog-Expires"} <= parse_qs(urlsplit(address).query).keys()
        answer = await asyncio.to_thread(urllib.request.urlopen, address, timeout=5)
        with answer:
            assert answer.read() == b"picture"

    async def test_a_missing_bucket_is_an_error_of_the_store(self, bucket_service):
        store = GcsObjectStore(GcsStore(bucket="never-made", endpoint=bucket_service))
        with pytest.raises(StorageUnavailable):
            await store.ping()

    async def test_a_dead_service_is_an_error_and_then_left_alone(self, monkeypatch):
        monkeypatch.setattr(gcs_bucket, "RETRY", gcs_bucket.RETRY.with_timeout(0.5))
        store = GcsObjectStore(GcsStore(bucket="any", endpoint="http://127.0.0.1:9"))
        for _ in range(20):
            with pytest.raises(StorageUnavailable):
                await store.put("a", b"1")
        started = time.monotonic()
        with pytest.raises(StorageUnavailable, match="left alone"):
            await store.put("a", b"1")
        assert time.monotonic() - started < 0.2


def service_account_info() -> dict[str, str]:
    """A service account that exists nowhere, with a key that was made just now."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {
        "type": "service_account",
        "client_email": "yard@p.iam.gserviceaccount.com",
        "private_key": pem,
        "token_uri": "http://127.0.0.1:9/token",
    }
