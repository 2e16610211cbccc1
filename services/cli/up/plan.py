"""Decides what a yard consists of this time: ports, addresses, settings and the programs to run."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from services.cli.up import environment as names
from services.cli.up.child import Program
from services.cli.up.mongod import find_mongod, mongo_url, mongod_program
from services.cli.up.options import UpOptions
from services.cli.up.ports import PortBook, check_free
from services.cli.up.programs import api_program, callbacks_program, ingest_program, worker_program
from services.cli.up.valkey import broker_url, find_valkey, new_password, valkey_program


@dataclass(frozen=True, slots=True)
class YardPlan:
    """Everything the supervisor needs to know; what the user brings himself is None, or no worker at all.

    `maintained` says whether the supervisor calls ingest's maintenance, as a scheduler would.
    """

    url: str
    settings: Mapping[str, str]
    ports: Mapping[str, int]
    mongod: Program | None
    valkey: Program | None
    callbacks: Program | None
    workers: tuple[Program, ...]
    doors: tuple[Program, ...]
    metrics: Mapping[str, str]
    maintained: bool

    @property
    def ingest_url(self) -> str:
        """Where ingest listens."""
        return f"http://127.0.0.1:{self.ports['ingest']}"


@dataclass(frozen=True, slots=True)
class _Servers:
    """The embedded servers of this start, and the settings by which the rest finds them."""

    mongod: Program | None
    valkey: Program | None
    addresses: Mapping[str, str]


def make_plan(options: UpOptions) -> YardPlan:
    """Choose ports and compose every program. Raises CliError when a port or an embedded server cannot be had."""
    user = names.user_settings()
    book = PortBook(options.data)
    port, ingest = _api_port(options, book), _ingest_port(user, book)
    servers = _servers(options, user, book)
    callback = {
        names.CALLBACK_URL: f"http://127.0.0.1:{ingest}",
        names.CALLBACK_TOKEN: secrets.token_urlsafe(32),
    }
    settings = names.yard_settings(
        user,
        data=options.data,
        workers=options.workers,
        allow_private_sources=options.allow_private_sources,
        addresses={**servers.addresses, **callback},
    )
    env = names.process_environment(settings)
    workers = options.workers if names.is_ours(names.LAUNCHER, user) else 0
    metrics = [book.take(f"metrics-{i}") for i in range(1, workers + 1)]
    book.close()
    return YardPlan(
        url=f"http://{f'[{options.host}]' if ':' in options.host else options.host}:{port}",
        settings=settings,
        ports={name: number for name, number in book.chosen.items() if not name.startswith("metrics-")},
        mongod=servers.mongod,
        valkey=servers.valkey,
        callbacks=callbacks_program(env, data=options.data) if names.is_ours(names.QUEUE, user) else None,
        workers=tuple(
            worker_program(env, data=options.data, index=i, metrics_port=at) for i, at in enumerate(metrics, start=1)
        ),
        doors=(
            api_program(env, data=options.data, host=options.host, port=port),
            ingest_program(env, data=options.data, port=ingest),
        ),
        metrics={f"worker-{i}": f"http://127.0.0.1:{at}/metrics" for i, at in enumerate(metrics, start=1)},
        maintained=names.is_ours(names.CALLERS, user),
    )


def _api_port(options: UpOptions, book: PortBook) -> int:
    if options.port == 0:
        return book.take("api")
    check_free(options.host, options.port)
    book.note("api", options.port)
    return options.port


def _ingest_port(user: Mapping[str, str], book: PortBook) -> int:
    given = user.get(names.INGEST_PORT)
    if given is None or not given.isdecimal():
        return book.take("ingest")
    check_free("127.0.0.1", int(given))
    book.note("ingest", int(given))
    return int(given)


def _servers(options: UpOptions, user: Mapping[str, str], book: PortBook) -> _Servers:
    env = names.process_environment({})
    addresses: dict[str, str] = {}
    mongod = valkey = None
    if names.fill_in(user, {names.MONGO_URL: ""}):
        port = book.take("mongod")
        addresses[names.MONGO_URL] = mongo_url(port)
        mongod = mongod_program(find_mongod(), data=options.data, port=port, env=env)
    if names.fill_in(user, {names.BROKER_URL: ""}):
        port, password = book.take("valkey"), new_password()
        addresses[names.BROKER_URL] = broker_url(port, password)
        valkey = valkey_program(find_valkey(), data=options.data, port=port, password=password, env=env)
    return _Servers(mongod, valkey, addresses)
