"""Buffers are used again, but never while anybody holds a view of them."""

import threading

from shared.adapters.object_store.buffers import KEPT, LENT_BYTES, LentBuffers


def test_what_is_held_is_left_alone_and_what_is_let_go_is_used_again() -> None:
    buffers = LentBuffers()
    held = buffers.take(LENT_BYTES)
    other = buffers.take(LENT_BYTES)
    other[:] = b"2" * LENT_BYTES
    held[:] = b"1" * LENT_BYTES
    part, first = other[5:9], other.obj
    assert buffers.take(LENT_BYTES).obj is not first, "its view is still there"
    other.release()
    assert buffers.take(LENT_BYTES).obj is not first, "a part of its view is still there"
    assert bytes(part) == b"2222"
    del part
    assert buffers.take(LENT_BYTES - 1).obj is first
    assert bytes(held) == b"1" * LENT_BYTES


def test_more_than_are_kept_are_given_all_the_same() -> None:
    buffers = LentBuffers()
    held = [buffers.take(LENT_BYTES) for _ in range(2 * KEPT)]
    assert len({id(view.obj) for view in held}) == len(held)
    assert {len(view) for view in held} == {LENT_BYTES}


def test_small_and_large_ones_are_fresh() -> None:
    buffers = LentBuffers()
    for size in (0, 1, LENT_BYTES + 1):
        assert bytes(buffers.take(size)) == bytes(size)


def test_several_threads_never_have_the_same_one() -> None:
    buffers, wrong = LentBuffers(), []

    def work(number: int) -> None:
        for _ in range(200):
            view = buffers.take(LENT_BYTES)
            view[:8] = view[-8:] = bytes([number]) * 8
            if bytes(view[:8]) != bytes(view[-8:]) or view[0] != number:
                wrong.append(number)
            view.release()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
