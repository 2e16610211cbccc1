"""A proxy in front of an emulator that answers 500 or 503 to some calls: before the emulator sees them, or after.

`python -m tests.emulators.faults --port P --to URL --rate 0.1`. After means that the call was done and only its answer
is lost, which is what a client cannot tell apart.
"""

import argparse
import asyncio
import random

import aiohttp
from aiohttp import web

_HOP = {"transfer-encoding", "content-length", "connection", "keep-alive"}
_CHUNK_BYTES = 2**18


class FaultyProxy:
    """Passes calls on but for a share of them."""

    def __init__(self, target: str, rate: float, seed: int) -> None:
        self._target, self._rate = target, rate
        self._dice = random.Random(seed)
        self._http: aiohttp.ClientSession | None = None
        self.failed = self.passed = 0

    def application(self) -> web.Application:
        """The proxy; GET /-/faults says how many calls it failed and passed."""
        app = web.Application(client_max_size=2**40)
        app.router.add_get("/-/faults", self._counts)
        app.router.add_route("*", "/{path:.*}", self._pass)
        app.cleanup_ctx.append(self._session)
        return app

    async def _session(self, _app: web.Application):
        self._http = aiohttp.ClientSession(auto_decompress=False)
        yield
        await self._http.close()

    async def _counts(self, _request: web.Request) -> web.Response:
        return web.json_response({"failed": self.failed, "passed": self.passed})

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        fails = self._dice.random() < self._rate
        status = self._dice.choice((500, 503))
        if fails and self._dice.random() < 0.5:
            self.failed += 1
            return web.Response(status=status, text="failed before it was done")
        body = await request.read()
        assert self._http is not None
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
        url = f"{self._target}{request.rel_url}"
        async with self._http.request(request.method, url, data=body, headers=headers, allow_redirects=False) as answer:
            if fails:
                self.failed += 1
                await answer.read()
                return web.Response(status=status, text="done, but the answer is lost")
            self.passed += 1
            return await _copied(request, answer)


async def _copied(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
    copy = web.StreamResponse(status=answer.status, headers=headers)
    if answer.content_length is not None:
        copy.content_length = answer.content_length
    await copy.prepare(request)
    async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
        await copy.write(chunk)
    await copy.write_eof()
    return copy


async def run(given: argparse.Namespace) -> None:
    """Serve until killed."""
    runner = web.AppRunner(FaultyProxy(given.to, given.rate, given.seed).application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", given.port).start()
    print(f"faults at {runner.addresses[0]}", flush=True)  # noqa: T201 - a command's answer
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tests.emulators.faults", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--to", required=True, help="address of the emulator")
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    asyncio.run(run(parser.parse_args()))
