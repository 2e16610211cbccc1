"""Reading many short spans of a source, those that lie next to each other in one go."""

from collections.abc import Sequence

from shared.ports.byte_source import ByteSource

Span = tuple[int, int]

NEAR_BYTES = 2 << 10
"""A gap up to this is read over: less than the page that would be read for the next span anyway."""


async def read_near_spans(source: ByteSource, spans: Sequence[Span]) -> list[bytes]:
    """The bytes of each span [start, end), which may overlap."""
    order = sorted(range(len(spans)), key=spans.__getitem__)
    runs: list[Span] = []
    run_of = [0] * len(spans)
    for number in order:
        start, end = spans[number]
        if runs and start - runs[-1][1] <= NEAR_BYTES:
            runs[-1] = runs[-1][0], max(runs[-1][1], end)
        else:
            runs.append((start, end))
        run_of[number] = len(runs) - 1
    found = await source.read_spans(runs)
    return [
        found[run][start - runs[run][0] : end - runs[run][0]] for (start, end), run in zip(spans, run_of, strict=True)
    ]
