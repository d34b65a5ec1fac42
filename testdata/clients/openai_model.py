"""A model that speaks OpenAI's dialect: it answers what the request asks for, always the same."""

import base64
import json
import struct
from typing import Any

from upstream import Answer, Asked

WORDS = ["Order ", "1001 ", "is ", "on ", "its ", "way."]
TEXT = "".join(WORDS)
CALL = {"name": "get_order", "arguments": '{"order_id": 1001}'}
ORDER = {"order_id": 1001, "status": "on its way"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 6, "total_tokens": 15}
VECTOR = [0.25, -0.5, 0.125]
MODELS = ["gpt-4o-mini", "o3", "text-embedding-3-small", "whisper-1"]


def openai_model(asked: Asked) -> Answer:
    """Answers by path. A model named `gpt-status-422` answers with that status."""
    path, _, _ = asked.path.partition("?")
    if path == "/v1/models":
        return Answer(document={"object": "list", "data": [_model(name) for name in MODELS]})
    if path.startswith("/v1/models/"):
        return Answer(document=_model(path.removeprefix("/v1/models/")))
    if path == "/v1/embeddings":
        return Answer(document=_embeddings(asked.body))
    if asked.body["model"].startswith("gpt-status-"):
        return _failure(int(asked.body["model"].removeprefix("gpt-status-")))
    if asked.body["model"] == "gpt-breaks":
        return Answer(events=[_chunk({"role": "assistant", "content": "Order "})], breaks=True)
    if asked.body.get("stream"):
        return Answer(events=_events(asked.body), headers={"x-request-id": "req_upstream"})
    return Answer(document=_completion(asked.body), headers={"x-request-id": "req_upstream"})


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1700000000, "owned_by": "shop"}


def _embeddings(body: dict[str, Any]) -> dict[str, Any]:
    packed = base64.b64encode(struct.pack(f"<{len(VECTOR)}f", *VECTOR)).decode()
    vector = packed if body.get("encoding_format") == "base64" else VECTOR
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    data = [{"object": "embedding", "index": at, "embedding": vector} for at, _ in enumerate(texts)]
    usage = {"prompt_tokens": 2, "total_tokens": 2}
    return {"object": "list", "data": data, "model": body["model"], "usage": usage}


def _failure(status: int) -> Answer:
    error = {"message": "the model says no", "type": "model_error", "param": None, "code": "no"}
    return Answer(status=status, document={"error": error})


def _completion(body: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": TEXT, "refusal": None}
    finish = "stop"
    if body.get("response_format", {}).get("type") == "json_schema":
        message["content"] = json.dumps(ORDER)
    elif body.get("tools"):
        message["content"] = None
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": CALL}]
        finish = "tool_calls"
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    return {**_envelope("chat.completion", body["model"]), "choices": [choice], "usage": USAGE}


def _events(body: dict[str, Any]) -> list[str]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    if body.get("tools"):
        begin = {"index": 0, "id": "call_1", "type": "function"}
        deltas.append({"tool_calls": [{**begin, "function": {**CALL, "arguments": ""}}]})
        for piece in ('{"order_', 'id": 1001}'):
            deltas.append({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
        finish = "tool_calls"
    else:
        words = [json.dumps(ORDER)] if body.get("response_format") else WORDS
        deltas += [{"content": word} for word in words]
        finish = "stop"
    events = [_chunk(delta) for delta in deltas] + [_chunk({}, finish)]
    if body.get("stream_options", {}).get("include_usage"):
        events.append(_data({**_envelope("chat.completion.chunk", "gpt-4o-mini"), "choices": [], "usage": USAGE}))
    return [*events, "data: [DONE]\n\n"]


def _chunk(delta: dict[str, Any], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _data({**_envelope("chat.completion.chunk", "gpt-4o-mini"), "choices": [choice]})


def _envelope(kind: str, model: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1700000000, "model": model}


def _data(document: dict[str, Any]) -> str:
    return f"data: {json.dumps(document)}\n\n"
