"""The messages of Terraform's plugin protocol 5, those that the stand-in answers, as protobuf classes.

Field numbers are those of the published protocol (tfplugin5.proto); fields that are not needed here are left out.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_VALUE, _DIAGNOSTICS = "DynamicValue", "*Diagnostic"
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Empty": {},
    "DynamicValue": {"msgpack": (1, "bytes"), "json": (2, "bytes")},
    "Diagnostic": {"severity": (1, "int32"), "summary": (2, "string"), "detail": (3, "string")},
    "Attribute": {
        "name": (1, "string"), "type": (2, "bytes"), "required": (4, "bool"), "optional": (5, "bool"),
        "computed": (6, "bool"), "sensitive": (7, "bool"), "write_only": (10, "bool"),
    },
    "NestedBlock": {
        "type_name": (1, "string"), "block": (2, "Block"), "nesting": (3, "int32"), "min_items": (4, "int64"),
        "max_items": (5, "int64"),
    },
    "Block": {"version": (1, "int64"), "attributes": (2, "*Attribute"), "block_types": (3, "*NestedBlock")},
    "Schema": {"version": (1, "int64"), "block": (2, "Block")},
    # A map is a list of pairs on the wire.
    "SchemaEntry": {"key": (1, "string"), "value": (2, "Schema")},
    "Schemas": {
        "provider": (1, "Schema"), "resource_schemas": (2, "*SchemaEntry"), "data_source_schemas": (3, "*SchemaEntry"),
    },
    "Prepare": {"config": (1, _VALUE)},
    "Prepared": {"prepared_config": (1, _VALUE), "diagnostics": (2, _DIAGNOSTICS)},
    "Validate": {"type_name": (1, "string"), "config": (2, _VALUE)},
    "Diagnostics": {"diagnostics": (1, _DIAGNOSTICS)},
    "RawState": {"json": (1, "bytes")},
    "Upgrade": {"type_name": (1, "string"), "version": (2, "int64"), "raw_state": (3, "RawState")},
    "Upgraded": {"upgraded_state": (1, _VALUE), "diagnostics": (2, _DIAGNOSTICS)},
    "Read": {"type_name": (1, "string"), "current_state": (2, _VALUE)},
    "ReadAnswer": {"new_state": (1, _VALUE), "diagnostics": (2, _DIAGNOSTICS)},
    "Plan": {"type_name": (1, "string"), "prior_state": (2, _VALUE), "proposed_new_state": (3, _VALUE)},
    "Planned": {"planned_state": (1, _VALUE), "diagnostics": (4, _DIAGNOSTICS), "legacy_type_system": (5, "bool")},
    "Apply": {"type_name": (1, "string"), "prior_state": (2, _VALUE), "planned_state": (3, _VALUE)},
    "Applied": {"new_state": (1, _VALUE), "diagnostics": (3, _DIAGNOSTICS), "legacy_type_system": (4, "bool")},
    "ReadData": {"type_name": (1, "string"), "config": (2, _VALUE)},
    "Data": {"state": (1, _VALUE), "diagnostics": (2, _DIAGNOSTICS)},
}  # fmt: skip
_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bytes": _FIELD.TYPE_BYTES, "string": _FIELD.TYPE_STRING, "bool": _FIELD.TYPE_BOOL, "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
}  # fmt: skip


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="stand_in.proto", package="stand_in", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            label = _FIELD.LABEL_REPEATED if kind.startswith("*") else _FIELD.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label)
            single = kind.removeprefix("*")
            added.type = _SCALARS.get(single, _FIELD.TYPE_MESSAGE)
            if single not in _SCALARS:
                added.type_name = f".stand_in.{single}"
    return file


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_file())


def message(name: str) -> Any:
    """The class of a message."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"stand_in.{name}"))
