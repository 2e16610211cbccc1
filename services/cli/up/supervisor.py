"""Starts the parts of a yard in order, keeps them running, and stops them in the opposite order."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Iterable, Sequence

from services.cli import state
from services.cli.failures import CliError, Exit
from services.cli.up.child import Child, Program, log_tail
from services.cli.up.demo import Demo
from services.cli.up.environment import CALLBACK_TOKEN, MONGO_URL
from services.cli.up.health import Probe, call_maintenance, wait_for_port
from services.cli.up.options import UpOptions
from services.cli.up.plan import YardPlan

_READY_SECONDS = 60.0
_SERVER_SECONDS = 45.0
_EARLY_DEATHS = 3
_WATCH_SECONDS = 0.1


def say(text: str) -> None:
    """Tell the person something, at once."""
    print(text, flush=True)


def warn(text: str) -> None:
    """Tell the person what they did not ask for, on stderr."""
    print(f"datayard: {text}", file=sys.stderr, flush=True)


class Supervisor:
    """Runs one yard from `run` until a signal; nothing of it is left when `run` returns."""

    def __init__(self, options: UpOptions, plan: YardPlan) -> None:
        self._options = options
        self._plan = plan
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._phases: list[list[Child]] = []
        self._state = state.YardState(
            url=plan.url, supervisor=state.own_record(), ports=dict(plan.ports), metrics=dict(plan.metrics)
        )
        self._demo = Demo(plan.url, options.data)

    async def run(self) -> Exit:
        """Start, serve until SIGINT, SIGTERM or SIGHUP, stop. Raises CliError when the start fails."""
        self._listen_for_signals()
        self._state.save(self._options.data)
        serving = asyncio.create_task(self._serve())
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()
        finally:
            self._demo.give_up()
            serving.cancel()
            stopped.cancel()
            await asyncio.gather(serving, stopped, return_exceptions=True)
            await self._stop_everything()
        print("Stopped.", file=sys.stderr, flush=True)
        return Exit.OK

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(signum, self._on_signal)

    def _on_signal(self) -> None:
        if self._stop.is_set():
            self._hurry.set()
            return
        self._stop.set()
        self._demo.give_up()
        print("\nStopping (Ctrl-C again: at once) …", file=sys.stderr, flush=True)

    async def _serve(self) -> None:
        await self._start_servers()
        await self._start_phase([self._plan.callbacks] if self._plan.callbacks else [])
        await self._start_phase(self._plan.workers)
        await self._start_phase(self._plan.doors)
        await self._become_ready()
        maintenance = asyncio.create_task(self._maintain())
        try:
            if self._options.demo:
                await self._demo.run()
            await maintenance
        finally:
            maintenance.cancel()

    async def _maintain(self) -> None:
        if self._plan.maintained:
            await call_maintenance(self._plan.ingest_url, self._plan.settings[CALLBACK_TOKEN])
        await self._stop.wait()

    async def _start_servers(self) -> None:
        servers = [self._plan.valkey, self._plan.mongod]
        await self._start_phase([server for server in servers if server])
        steps: list[Awaitable[None]] = [self._prepare_database()]
        if self._plan.valkey:
            steps.append(wait_for_port(self._plan.ports["valkey"]))
        await self._watching(asyncio.gather(*steps), seconds=_SERVER_SECONDS, what="The database or the queue")

    async def _prepare_database(self) -> None:
        from services.cli.up.database import prepare_database  # noqa: PLC0415 - MongoDB starts during this import

        port = self._plan.ports["mongod"] if self._plan.mongod else None
        await prepare_database(embedded_port=port, url=self._plan.settings.get(MONGO_URL))

    async def _start_phase(self, programs: Iterable[Program]) -> None:
        children = [Child(program, say=warn, started=self._note) for program in programs]
        self._phases.append(children)
        for child in children:
            await child.start()

    def _note(self, name: str, pid: int) -> None:
        entry = state.record(pid)
        if entry:
            self._state.processes[name] = entry
            self._state.save(self._options.data)

    async def _become_ready(self) -> None:
        probes = [
            Probe("ingest", f"{self._plan.ingest_url}/health/live"),
            Probe("api", f"{self._plan.url}/health/ready"),
            *(Probe(name, url) for name, url in self._plan.metrics.items()),
        ]
        waiting = asyncio.gather(*(probe.wait() for probe in probes))
        await self._watching(waiting, seconds=_READY_SECONDS, what="The yard", probes=probes)
        count = len(self._plan.workers)
        say(
            f"Datayard is ready at {self._plan.url} (docs: {self._plan.url}/docs) · data in {self._options.data}"
            f" · {f'{count} worker' + 's' * (count != 1) if count else 'workers elsewhere'} · stop with Ctrl-C"
        )

    async def _watching(
        self, work: asyncio.Future[list[None]], *, seconds: float, what: str, probes: Sequence[Probe] = ()
    ) -> None:
        """Wait for `work`; raises CliError at the deadline, or at once when a child keeps dying."""
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=_WATCH_SECONDS)
                self._check_children()
                if asyncio.get_running_loop().time() > deadline and not work.done():
                    raise CliError(self._late(what, seconds, probes))
            work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    def _children(self) -> list[Child]:
        return [child for phase in self._phases for child in phase]

    def _check_children(self) -> None:
        for child in self._children():
            if child.policy.failures >= _EARLY_DEATHS:
                raise CliError(_dies(child.program))

    def _late(self, what: str, seconds: float, probes: Sequence[Probe]) -> str:
        waiting = [f"{probe.name} ({probe.last})" for probe in probes if probe.last != "ready"]
        not_ready = f" Not ready: {'; '.join(waiting)}." if waiting else ""
        suspects = self._phases[1:] or self._phases  # once the servers run, it is not they
        logs = [child.program.log for phase in suspects for child in phase]
        tails = [f"  {log}:\n{tail}" for log in logs if (tail := log_tail(log, 5).strip("\n"))]
        return "\n".join([f"{what} was not ready within {seconds:.0f} s.{not_ready} The ends of the logs:", *tails])

    async def _stop_everything(self) -> None:
        """Doors first, then workers, callbacks and the servers; MongoDB last."""
        while self._phases:
            phase = self._phases[-1]
            if len(self._phases) == 1:  # the servers: the queue before the database
                for child in phase:
                    await child.stop(self._hurry)
            else:
                await asyncio.gather(*(child.stop(self._hurry) for child in phase))
            self._phases.pop()
        state.remove(self._options.data)


def _dies(program: Program) -> str:
    tail = log_tail(program.log)
    hint = ""
    if "error while loading shared libraries" in tail:
        hint = "\n  It misses a system library: on Debian and Ubuntu `apt install libcurl4 libssl3` brings them."
    return f"{program.name} does not start; the end of {program.log}:\n{tail}{hint}"


def run_supervisor(options: UpOptions, plan: YardPlan) -> Exit:
    """Run the yard in an event loop of its own; the exit code of the command."""

    async def run() -> Exit:
        return await Supervisor(options, plan).run()

    os.umask(0o077)  # what a yard writes is its owner's
    return asyncio.run(run())
