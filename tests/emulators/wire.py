"""gRPC servers of generated messages without generated servicers: methods by name, refusals as statuses."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import empty_pb2

Method = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True)
class Refusal(Exception):
    """What a call is answered with instead of a message."""

    code: grpc.StatusCode
    detail: str


@dataclass(frozen=True)
class Answers:
    """A method with the messages it takes and gives; None gives an empty one."""

    method: Method
    request: Any
    answer: Any = None


def service(name: str, methods: Mapping[str, Answers]) -> grpc.GenericRpcHandler:
    """A gRPC service; messages are proto-plus classes or plain protobuf ones."""
    return grpc.method_handlers_generic_handler(name, {key: _handler(one) for key, one in methods.items()})


def _handler(one: Answers) -> grpc.RpcMethodHandler:
    async def call(request: Any, context: grpc.aio.ServicerContext) -> Any:
        try:
            return await one.method(request) or empty_pb2.Empty()
        except Refusal as refusal:
            await context.abort(refusal.code, refusal.detail)

    return grpc.unary_unary_rpc_method_handler(
        call, request_deserializer=_reader(one.request), response_serializer=_writer(one.answer or empty_pb2.Empty)
    )


def _reader(message: Any) -> Callable[[bytes], Any]:
    return getattr(message, "deserialize", None) or message.FromString


def _writer(message: Any) -> Callable[[Any], bytes]:
    return getattr(message, "serialize", None) or message.SerializeToString
