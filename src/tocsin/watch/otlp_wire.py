"""Logs as OpenTelemetry's exporters send them unless they are told otherwise: in protobuf. Pure.

Needs the extra `otlp`. What is read, and into what, is the same as in JSON: otlp.py.
"""

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tocsin.watch import otlp


def read(body: bytes) -> dict[str, list[str]]:
    """The records by the name of the service that wrote them. Raises NotLogs."""
    try:
        content = ExportLogsServiceRequest.FromString(body)
    except DecodeError:
        raise otlp.NotLogs("The body is no export of logs in protobuf.") from None
    sent: dict[str, list[str]] = {}
    for resource in content.resource_logs:
        about = _fields(resource.resource.attributes)
        records = sent.setdefault(str(about.get("service.name", otlp.UNNAMED)), [])
        for scope in resource.scope_logs:
            records.extend(_text(record) for record in scope.log_records)
    return sent


def answer(rejected: int, said: str) -> bytes:
    """All was taken, or so many records were not: they are not to come again."""
    reply = ExportLogsServiceResponse()
    if rejected:
        reply.partial_success.rejected_log_records = rejected
        reply.partial_success.error_message = said
    return reply.SerializeToString()


def _text(record: LogRecord) -> str:
    level = record.severity_text or otlp.level_of(record.severity_number)
    return otlp.text_of(level, _value(record.body), _fields(record.attributes))


def _fields(attributes: Iterable[KeyValue], depth: int = 0) -> dict[str, Any]:
    return {one.key: _value(one.value, depth) for one in attributes}


def _value(value: AnyValue, depth: int = 0) -> Any:
    """What an AnyValue holds. Bytes say nothing in which a pattern could be looked for."""
    if depth > otlp.DEEPEST:
        return None
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "int_value":
            return str(value.int_value)  # as JSON has it
        case "double_value":
            return value.double_value
        case "bool_value":
            return value.bool_value
        case "kvlist_value":
            return _fields(value.kvlist_value.values, depth + 1)
        case "array_value":
            return " ".join(str(_value(one, depth + 1)) for one in value.array_value.values)
        case _:
            return None
