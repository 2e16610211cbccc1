"""A provider for Terraform that has the real one's schema and touches nothing.

`python provider.py SCHEMA.json` is started by Terraform itself and speaks its plugin protocol, over gRPC. Values that
the service makes up are not known while it plans, as with the real one; when it applies they are made up here,
readably: the `uri` of `google_x` named `n` is `google_x/n/uri`.
"""

import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import msgpack
from plugin_messages import message

Schema = dict[str, Any]
Make = Callable[[str, dict[str, Any], str, object], Any]
_SINGLE, _LIST = 1, 2
_ERROR = 1
_UNKNOWN = msgpack.ExtType(0, b"\0")
_NAMED_BY = ("account_id", "name", "secret_id", "repository_id", "role_id", "display_name", "service", "bucket")


class Provider:
    """The calls that Terraform makes."""

    def __init__(self, schemas: dict[str, Schema]) -> None:
        self._schemas = schemas

    def schemas(self, _request: Any) -> Any:
        """Everything there is."""
        answer = message("Schemas")()
        answer.provider.block.CopyFrom(_block(self._schemas.get("provider") or {"attributes": {}, "blocks": {}}))
        for kind, schema in self._schemas.items():
            if kind == "provider":
                continue
            data, _, name = kind.rpartition(".")
            entry = (answer.data_source_schemas if data else answer.resource_schemas).add(key=name)
            entry.value.block.CopyFrom(_block(schema))
        return answer

    def prepare(self, request: Any) -> Any:
        """The provider's own block, as it is."""
        return message("Prepared")(prepared_config=request.config)

    def nothing_wrong(self, _request: Any) -> Any:
        """Terraform itself has compared it with the schema."""
        return message("Diagnostics")()

    def validate(self, request: Any) -> Any:
        """Terraform has compared names and types; here is what the schema lists as values."""
        answer = message("Diagnostics")()
        config, kind = _unpacked(request.config), request.type_name
        for place, value, values in _not_listed(self._schemas[kind], config, kind):
            answer.diagnostics.add(
                severity=_ERROR, summary=f"{place} cannot be {value}", detail=f"It is one of {values}."
            )
        return answer

    def upgrade(self, request: Any) -> Any:
        """State of the same version."""
        return message("Upgraded")(upgraded_state=message("DynamicValue")(json=request.raw_state.json))

    def read(self, request: Any) -> Any:
        """Nothing has changed since."""
        return message("ReadAnswer")(new_state=request.current_state)

    def read_data(self, request: Any) -> Any:
        """Data that exist, made up."""
        return message("Data")(state=self._filled(f"data.{request.type_name}", request.config, _made_up))

    def plan(self, request: Any) -> Any:
        """What is asked for; what will be made up of something new is not known yet."""
        make = None if _unpacked(request.prior_state) else _unknown
        state = self._filled(request.type_name, request.proposed_new_state, make)
        return message("Planned")(planned_state=state, legacy_type_system=True)

    def apply(self, request: Any) -> Any:
        """Done."""
        state = self._filled(request.type_name, request.planned_state, _made_up)
        return message("Applied")(new_state=state, legacy_type_system=True)

    def _filled(self, kind: str, value: Any, make: Make | None) -> Any:
        """A state without what may only be written, and with what `make` makes of the values that are missing."""
        state = _unpacked(value)
        if state is not None:
            for name, attribute in self._schemas[kind]["attributes"].items():
                if name.endswith("_wo"):
                    state[name] = None
                elif make and attribute["computed"] and (state.get(name) is None or state[name] == _UNKNOWN):
                    state[name] = make(kind, state, name, attribute["type"])
        return message("DynamicValue")(msgpack=msgpack.packb(state, use_bin_type=True))


def _unpacked(value: Any) -> Any:
    return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False)


def _unknown(_kind: str, _state: dict[str, Any], _name: str, _of: object) -> Any:
    return _UNKNOWN


def _not_listed(schema: Schema, config: dict[str, Any], place: str) -> Iterator[tuple[str, str, list[str]]]:
    """Where a value is none of those that the schema lists; what is not known yet is let be."""
    for name, attribute in schema["attributes"].items():
        value, values = config.get(name), attribute.get("values")
        if values and isinstance(value, str) and value not in values:
            yield f"{place}.{name}", value, values
    for name, nested in schema["blocks"].items():
        blocks = config.get(name)
        for block in blocks if isinstance(blocks, list) else ():
            if isinstance(block, dict):
                yield from _not_listed(nested["schema"], block, f"{place}.{name}")


def _made_up(kind: str, state: dict[str, Any], name: str, of: object) -> Any:
    """What can be told from the rest, as the service would; else the place it is at."""
    own = next((state[one] for one in _NAMED_BY if isinstance(state.get(one), str)), "one")
    project = state.get("project") or state.get("project_id") or "P"
    account = f"{own}@{project}.iam.gserviceaccount.com"
    known = {
        ("google_service_account", "email"): account,
        ("google_service_account", "name"): f"projects/{project}/serviceAccounts/{account}",
        ("google_project_iam_custom_role", "id"): f"projects/{project}/roles/{own}",
        ("google_cloud_run_v2_service", "uri"): f"https://{own}-a1b2c3d4e5-ew.a.run.app",
        ("data.google_project", "number"): "123456789012",
        ("data.google_storage_project_service_account", "member"): "serviceAccount:storage@google",
    }
    if (kind, name) in known:
        return known[kind, name]
    if name == "name":
        return own
    if isinstance(of, list):
        return {} if of[0] == "map" else []
    return {"string": f"{kind}/{own}/{name}", "number": 1, "bool": False}.get(str(of))


def _block(schema: Schema) -> Any:
    block = message("Block")()
    for name, attribute in schema["attributes"].items():
        computed = attribute["computed"]
        block.attributes.add(
            name=name, type=json.dumps(attribute["type"]).encode(), required=attribute["required"],
            optional=attribute["settable"] and not attribute["required"], computed=computed,
            write_only=name.endswith("_wo"), sensitive=name.endswith("_wo"),
        )  # fmt: skip
    for name, nested in schema["blocks"].items():
        single = name == "timeouts"
        block.block_types.add(
            type_name=name, block=_block(nested["schema"]), nesting=_SINGLE if single else _LIST,
            min_items=1 if nested["required"] else 0, max_items=1 if nested["single"] and not single else 0,
        )  # fmt: skip
    return block


def _handlers(provider: Provider) -> grpc.GenericRpcHandler:
    calls: dict[str, tuple[Callable[[Any], Any], str]] = {
        "GetSchema": (provider.schemas, "Empty"),
        "PrepareProviderConfig": (provider.prepare, "Prepare"),
        "ValidateResourceTypeConfig": (provider.validate, "Validate"),
        "ValidateDataSourceConfig": (provider.nothing_wrong, "Empty"),
        "Configure": (provider.nothing_wrong, "Empty"),
        "UpgradeResourceState": (provider.upgrade, "Upgrade"),
        "ReadResource": (provider.read, "Read"),
        "ReadDataSource": (provider.read_data, "ReadData"),
        "PlanResourceChange": (provider.plan, "Plan"),
        "ApplyResourceChange": (provider.apply, "Apply"),
        "Stop": (lambda _request: message("Empty")(), "Empty"),
    }
    methods = {name: _unary(call, message(request).FromString) for name, (call, request) in calls.items()}
    return grpc.method_handlers_generic_handler("tfplugin5.Provider", methods)


def _unary(call: Callable[[Any], Any], parse: Callable[[bytes], Any]) -> grpc.RpcMethodHandler:
    return grpc.unary_unary_rpc_method_handler(
        lambda request, _context: call(request), request_deserializer=parse,
        response_serializer=lambda answer: answer.SerializeToString(),
    )  # fmt: skip


def main() -> None:
    """Serve until Terraform says that it is done."""
    done = threading.Event()

    def shutdown(_request: Any) -> Any:
        done.set()
        return message("Empty")()

    controller = grpc.method_handlers_generic_handler(
        "plugin.GRPCController", {"Shutdown": _unary(shutdown, message("Empty").FromString)}
    )
    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((_handlers(Provider(json.loads(Path(sys.argv[1]).read_text()))), controller))
    address = Path(tempfile.mkdtemp(prefix="provider-")) / "socket"
    server.add_insecure_port(f"unix:{address}")
    server.start()
    sys.stdout.write(f"1|5|unix|{address}|grpc|\n")
    sys.stdout.flush()
    while not done.wait(1) and os.getppid() != 1:
        pass
    server.stop(1).wait()
    address.unlink(missing_ok=True)
    address.parent.rmdir()


if __name__ == "__main__":
    main()
