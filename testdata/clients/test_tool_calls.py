"""What the vendors' own libraries make of calls that may not be made: words, and the end of a turn."""

import json
from typing import Any

import anthropic
import openai
import pytest

from conftest import Shop, StartShop
from gateway import UNDER_CONTRACT
from upstream import Answer, Asked

WISH = [{"role": "user", "content": "Please refund order 1001."}]
ARGUMENTS = json.dumps({"order_id": "1001", "iban": "DE89370400440532013000"})
SCHEMA = {"type": "object", "properties": {"order_id": {"type": "string"}, "iban": {"type": "string"}}}
WHOLE_OR_STREAMED = pytest.mark.parametrize("streamed", [False, True])


def _openai_refund(asked: Asked) -> Answer:
    envelope = {"id": "c1", "created": 1, "model": "gpt-4o-mini"}
    call = {"id": "call_1", "type": "function", "function": {"name": "refund", "arguments": ARGUMENTS}}
    if not asked.body.get("stream"):
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        return Answer(document={**envelope, "object": "chat.completion", "choices": [choice]})
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "One moment."}]
    function = {"name": "refund", "arguments": ""}
    deltas.append({"tool_calls": [{"index": 0, **call, "function": function}]})
    deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": letter}}]} for letter in ARGUMENTS]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls"})
    chunks = [{**envelope, "object": "chat.completion.chunk", "choices": [choice]} for choice in choices]
    return Answer(events=[f"data: {json.dumps(chunk)}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"])


def _anthropic_refund(asked: Asked) -> Answer:
    call = {"type": "tool_use", "id": "toolu_1", "name": "refund"}
    usage = {"input_tokens": 12, "output_tokens": 5}
    message: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-shop-1"}
    message |= {"stop_reason": None, "stop_sequence": None, "usage": usage}
    if not asked.body.get("stream"):
        content = [{**call, "input": json.loads(ARGUMENTS)}]
        return Answer(document={**message, "content": content, "stop_reason": "tool_use"})
    deltas = [{"type": "input_json_delta", "partial_json": letter} for letter in ARGUMENTS]
    end = {"stop_reason": "tool_use", "stop_sequence": None}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**message, "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {**call, "input": {}}},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]
    return Answer(events=[f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events])


def _backend(shop: Shop) -> openai.OpenAI:
    return openai.OpenAI(base_url=shop.gateway.url, api_key=shop.gateway.key(), max_retries=0)


def _approve(backend: openai.OpenAI, session: str, words: str) -> None:
    """Answers for the person, by the id that the refusal names."""
    assert "The call of `refund` was refused: approval required: " in words
    waiting = backend.get(f"/botwarden/v1/approvals?session={session}", cast_to=dict)["approvals"]
    assert [approval["id"] in words for approval in waiting] == [True]
    path = f"/botwarden/v1/approvals/{waiting[0]['id']}?session={session}"
    backend.post(path, body={"decision": "approve", "endorse": "once"}, cast_to=dict)


@WHOLE_OR_STREAMED
def test_openai(start_shop: StartShop, streamed: bool) -> None:
    shop = start_shop("openai", tools=UNDER_CONTRACT)
    shop.upstream.script = _openai_refund
    backend = _backend(shop)
    session = backend.post("/botwarden/v1/sessions", body={"user": "alice"}, cast_to=dict)
    client = openai.OpenAI(base_url=shop.url, api_key=session["token"], max_retries=0)
    names = ["refund", "wipe"]
    tools = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in names]

    def ask() -> Any:
        asked: dict[str, Any] = {"model": "gpt-4o-mini", "messages": WISH, "tools": tools}
        if not streamed:
            return client.chat.completions.create(**asked).choices[0]
        with client.chat.completions.stream(**asked) as stream:
            return stream.get_final_completion().choices[0]

    refused = ask()
    assert (refused.finish_reason, refused.message.tool_calls or []) == ("stop", [])
    assert [tool["function"]["name"] for tool in shop.upstream.asked[-1].body["tools"]] == ["refund"]
    _approve(backend, session["id"], refused.message.content)
    allowed = ask()
    assert allowed.finish_reason == "tool_calls"
    assert allowed.message.tool_calls[0].function.arguments == ARGUMENTS
    assert ask().message.tool_calls in (None, []), "once"


@WHOLE_OR_STREAMED
def test_anthropic(start_shop: StartShop, streamed: bool) -> None:
    shop = start_shop("anthropic", tools=UNDER_CONTRACT)
    shop.upstream.script = _anthropic_refund
    backend = _backend(shop)
    session = backend.post("/botwarden/v1/sessions", body={"user": "alice"}, cast_to=dict)
    client = anthropic.Anthropic(base_url=shop.gateway.url, api_key=session["token"], max_retries=0)
    tools = [{"name": name, "input_schema": SCHEMA} for name in ("refund", "wipe")]

    def ask() -> Any:
        asked: dict[str, Any] = {"model": "claude-shop-1", "max_tokens": 64, "messages": WISH, "tools": tools}
        if not streamed:
            return client.messages.create(**asked)
        with client.messages.stream(**asked) as stream:
            return stream.get_final_message()

    refused = ask()
    assert (refused.stop_reason, [block.type for block in refused.content]) == ("end_turn", ["text"])
    assert [tool["name"] for tool in shop.upstream.asked[-1].body["tools"]] == ["refund"]
    _approve(backend, session["id"], refused.content[0].text)
    allowed = ask()
    assert allowed.stop_reason == "tool_use"
    assert allowed.content[0].input == json.loads(ARGUMENTS)
    assert [block.type for block in ask().content] == ["text"], "once"


def test_a_tool_of_the_vendors_own_is_an_error(start_shop: StartShop) -> None:
    shop = start_shop("anthropic", tools=UNDER_CONTRACT)
    client = anthropic.Anthropic(base_url=shop.gateway.url, api_key=shop.key, max_retries=0)
    search = {"type": "web_search_20250305", "name": "web_search"}
    with pytest.raises(anthropic.PermissionDeniedError, match="`web_search_20250305`"):
        client.messages.create(model="claude-shop-1", max_tokens=64, messages=WISH, tools=[search])
    assert shop.upstream.asked == []
