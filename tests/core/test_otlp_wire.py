"""Logs in protobuf: they read as they do in JSON, and whatever bytes come, they are read or refused."""

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from tocsin.watch import otlp, otlp_wire

TEXT = st.text(max_size=8)


def said(value: Any) -> AnyValue:
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=[said(one) for one in value]))
        case _:
            return AnyValue(kvlist_value=KeyValueList(values=pairs(value)))


def pairs(values: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=said(value)) for key, value in values.items()]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)
RECORDS = st.builds(
    lambda body, text, number, fields: LogRecord(
        body=said(body), severity_text=text, severity_number=number, attributes=pairs(fields)
    ),
    VALUES,
    st.sampled_from(["", "ERROR", "warn"]),
    st.sampled_from(range(25)),
    st.dictionaries(TEXT | st.sampled_from(["event", "message", "exception.stacktrace"]), VALUES, max_size=4),
)


def export(records: list[LogRecord], about: dict[str, Any] | None = None) -> ExportLogsServiceRequest:
    resource = Resource(attributes=pairs({"service.name": "rose"} if about is None else about))
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=resource, scope_logs=[ScopeLogs(log_records=records)])]
    )


EXPORTS = st.builds(export, st.lists(RECORDS, max_size=4), st.none() | st.dictionaries(TEXT, VALUES, max_size=2))


@given(EXPORTS)
def test_it_reads_as_the_same_in_json_does(sent: ExportLogsServiceRequest) -> None:
    as_json = json.dumps(MessageToDict(sent, use_integers_for_enums=True)).encode()
    assert otlp_wire.read(sent.SerializeToString()) == otlp.read(as_json)


def test_a_record_reads_like_a_structured_line() -> None:
    trace = "Traceback (most recent call last):\nValueError"
    record = LogRecord(
        severity_number=17, body=said("groq 503"), attributes=pairs({"attempt": 3, "exception.stacktrace": trace})
    )
    assert otlp_wire.read(export([record]).SerializeToString()) == {"rose": [f"error groq 503 attempt=3\n{trace}"]}
    assert otlp_wire.read(export([record], {}).SerializeToString()).keys() == {"unknown_service"}
    assert otlp_wire.read(b"") == {}


def test_bytes_and_what_is_nested_too_deep_are_left_out() -> None:
    deep: Any = "found"
    for _ in range(9):
        deep = [deep]
    records = [LogRecord(body=AnyValue(bytes_value=b"x")), LogRecord(body=said(deep)), LogRecord(body=said(["a", "b"]))]
    assert otlp_wire.read(export(records).SerializeToString()) == {"rose": [" ", " None", " a b"]}


def test_fields_that_nobody_knows_are_ignored() -> None:
    record = LogRecord(body=said("groq 503"))
    later_version = b"\xfa\x7f\x05hello"  # field 2047, five bytes long
    assert otlp_wire.read(export([record]).SerializeToString() + later_version) == {"rose": [" groq 503"]}


def read_or_refused(body: bytes) -> None:
    try:
        found = otlp_wire.read(body)
    except otlp.NotLogs:
        return
    assert all(isinstance(record, str) for records in found.values() for record in records)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    read_or_refused(body)


@given(EXPORTS, st.data())
def test_an_export_that_is_cut_or_spoilt_is_read_or_refused(
    sent: ExportLogsServiceRequest, data: st.DataObject
) -> None:
    body = sent.SerializeToString()
    at = data.draw(st.integers(0, len(body)))
    read_or_refused(body[:at] + data.draw(st.binary(max_size=3)) + body[at + data.draw(st.integers(0, 3)) :])


@pytest.mark.parametrize("body", [b"\x0a\x05ab", b"{}", b"\x0a\x02\x08\xff", b"\xff" * 20])
def test_what_is_no_export_is_refused(body: bytes) -> None:
    with pytest.raises(otlp.NotLogs, match="protobuf"):
        otlp_wire.read(body)


def test_nesting_without_end_is_refused() -> None:
    value = b""
    for _ in range(500):
        value = AnyValue(array_value=ArrayValue(values=[])).SerializeToString()[:1] + _length(value) + value
        value = b"\x0a" + _length(value) + value
    record = b"\x2a" + _length(value) + value
    for tag in (b"\x12", b"\x12", b"\x0a"):
        record = tag + _length(record) + record
    with pytest.raises(otlp.NotLogs):
        otlp_wire.read(record)


def _length(body: bytes) -> bytes:
    number, found = len(body), b""
    while number > 127:
        found, number = found + bytes([number & 127 | 128]), number >> 7
    return found + bytes([number])


def test_the_answer_says_what_was_rejected_or_nothing() -> None:
    assert otlp_wire.answer(0, "unsaid") == b""
    told = ExportLogsServiceResponse.FromString(otlp_wire.answer(2, "nobody knows checkout"))
    assert (told.partial_success.rejected_log_records, told.partial_success.error_message) == (
        2,
        "nobody knows checkout",
    )
