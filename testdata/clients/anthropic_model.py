"""A model that speaks Anthropic's dialect: it answers what the request asks for, always the same."""

import json
from typing import Any

from upstream import Answer, Asked

WORDS = ["Order ", "1001 ", "is on its way."]
TEXT = "".join(WORDS)
ORDER = {"order_id": 1001, "status": "on its way"}
MODELS = ["claude-shop-1", "other-1"]


def anthropic_model(asked: Asked) -> Answer:
    """Answers by path. A model named `claude-status-529` answers with that status."""
    path, _, _ = asked.path.partition("?")
    if path == "/v1/models":
        data = [_model(name) for name in MODELS]
        return Answer(document={"data": data, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]})
    if path == "/v1/messages/count_tokens":
        return Answer(document={"input_tokens": 14})
    if asked.body["model"].startswith("claude-status-"):
        return _failure(int(asked.body["model"].removeprefix("claude-status-")))
    events = _events(asked.body)
    if asked.body["model"] == "claude-breaks":
        return Answer(events=events[:3], breaks=True)
    if asked.body.get("stream"):
        return Answer(events=events, headers={"request-id": "req_upstream"})
    return Answer(document=_message(asked.body), headers={"request-id": "req_upstream"})


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "type": "model", "display_name": name, "created_at": "2025-01-01T00:00:00Z"}


def _failure(status: int) -> Answer:
    error = {"type": "overloaded_error", "message": "the model says no"}
    return Answer(status=status, document={"type": "error", "error": error, "request_id": "req_upstream"})


def _content(body: dict[str, Any]) -> tuple[dict[str, Any], list[str], str]:
    """The one block of an answer, the pieces it comes in, and why the model stops after it."""
    if body.get("tools"):
        block = {"type": "tool_use", "id": "toolu_1", "name": "get_order", "input": {"order_id": 1001}}
        return block, ['{"order_', 'id": 1001}'], "tool_use"
    if body.get("output_config", {}).get("format"):
        return {"type": "text", "text": json.dumps(ORDER)}, [json.dumps(ORDER)], "end_turn"
    return {"type": "text", "text": TEXT}, WORDS, "end_turn"


def _message(body: dict[str, Any]) -> dict[str, Any]:
    block, _, stop = _content(body)
    usage = {"input_tokens": 12, "output_tokens": 5}
    return {**_envelope(body["model"]), "content": [block], "stop_reason": stop, "usage": usage}


def _envelope(model: str) -> dict[str, Any]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model}
    return {**message, "stop_reason": None, "stop_sequence": None}


def _events(body: dict[str, Any]) -> list[str]:
    block, pieces, stop = _content(body)
    empty = {**block, "input": {}} if block["type"] == "tool_use" else {**block, "text": ""}
    usage = {"input_tokens": 12, "output_tokens": 1}
    message = {**_envelope(body["model"]), "content": [], "usage": usage}
    events = [
        _event("message_start", message=message),
        _event("content_block_start", index=0, content_block=empty),
        _event("ping"),
    ]
    for piece in pieces:
        by_json = {"type": "input_json_delta", "partial_json": piece}
        delta = by_json if block["type"] == "tool_use" else {"type": "text_delta", "text": piece}
        events.append(_event("content_block_delta", index=0, delta=delta))
    delta = {"stop_reason": stop, "stop_sequence": None}
    return [
        *events,
        _event("content_block_stop", index=0),
        _event("message_delta", delta=delta, usage={"output_tokens": 5}),
        _event("message_stop"),
    ]


def _event(kind: str, **rest: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **rest})}\n\n"
