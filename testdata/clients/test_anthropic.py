"""Anthropic's own library, sync and async: everything it does works through the gateway."""

import asyncio
from typing import Any

import anthropic
import pytest
from pydantic import BaseModel

from anthropic_model import ORDER, TEXT
from conftest import Shop
from gateway import PROVIDER_KEY

ASK: dict[str, Any] = {
    "model": "claude-shop-1",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Where is order 1001?"}],
}
SCHEMA = {"type": "object", "properties": {"order_id": {"type": "integer"}}, "required": ["order_id"]}
TOOLS = [{"name": "get_order", "description": "Looks an order up", "input_schema": SCHEMA}]


class Order(BaseModel):
    order_id: int
    status: str


@pytest.fixture
def client(anthropic_shop: Shop) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=anthropic_shop.gateway.url, api_key=anthropic_shop.key, max_retries=0)


def test_a_message(client: anthropic.Anthropic, anthropic_shop: Shop) -> None:
    raw = client.messages.with_raw_response.create(**ASK)
    message = raw.parse()
    assert message.content[0].text == TEXT
    assert (message.stop_reason, message.usage.output_tokens) == ("end_turn", 5)
    assert message._request_id == raw.headers["x-request-id"]
    assert raw.headers["botwarden-upstream-request-id"] == "req_upstream"
    asked = anthropic_shop.upstream.asked[-1]
    assert asked.body == ASK
    assert asked.headers["x-api-key"] == PROVIDER_KEY
    assert asked.headers["anthropic-version"]
    assert "authorization" not in asked.headers
    assert anthropic_shop.key not in str(asked.headers)


def test_a_bearer_token_does_as_well(anthropic_shop: Shop) -> None:
    url, key = anthropic_shop.gateway.url, anthropic_shop.key
    with anthropic.Anthropic(base_url=url, auth_token=key, api_key=None, max_retries=0) as client:
        assert client.messages.create(**ASK).content[0].text == TEXT


def test_a_stream(client: anthropic.Anthropic) -> None:
    kinds = [event.type for event in client.messages.create(**ASK, stream=True)]
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
    with client.messages.stream(**ASK) as stream:
        assert "".join(stream.text_stream) == TEXT
        final = stream.get_final_message()
    assert (final.stop_reason, final.usage.input_tokens, final.usage.output_tokens) == ("end_turn", 12, 5)


def test_tools(client: anthropic.Anthropic) -> None:
    first = client.messages.create(**ASK, tools=TOOLS)
    call = first.content[0]
    assert first.stop_reason == "tool_use"
    assert (call.name, call.input) == ("get_order", {"order_id": 1001})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": str(ORDER)}
    history = [*ASK["messages"], {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    assert client.messages.create(**{**ASK, "messages": history}).content[0].text == TEXT


def test_tools_streamed(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**ASK, tools=TOOLS) as stream:
        assert stream.get_final_message().content[0].input == {"order_id": 1001}


def test_structured_output(client: anthropic.Anthropic) -> None:
    assert client.messages.parse(**ASK, output_format=Order).parsed_output == Order(**ORDER)


def test_a_count(client: anthropic.Anthropic) -> None:
    count = client.messages.count_tokens(model=ASK["model"], messages=ASK["messages"])
    assert count.input_tokens == 14


def test_the_beta_namespace(client: anthropic.Anthropic, anthropic_shop: Shop) -> None:
    # Earlier versions of the library wrote the query by themselves.
    for query, path in [({}, "/v1/messages"), ({"beta": "true"}, "/v1/messages?beta=true")]:
        message = client.beta.messages.create(**ASK, betas=["some-beta"], extra_query=query)
        assert message.content[0].text == TEXT
        asked = anthropic_shop.upstream.asked[-1]
        assert (asked.path, asked.headers["anthropic-beta"]) == (path, "some-beta")
    count = client.beta.messages.count_tokens(model=ASK["model"], messages=ASK["messages"])
    assert count.input_tokens == 14


def test_models_are_the_granted_ones(client: anthropic.Anthropic) -> None:
    assert [model.id for model in client.models.list(limit=20)] == ["claude-shop-1"]


def test_the_async_client(anthropic_shop: Shop) -> None:
    async def use() -> list[str]:
        url, key = anthropic_shop.gateway.url, anthropic_shop.key
        async with anthropic.AsyncAnthropic(base_url=url, api_key=key) as client:

            async def whole() -> str:
                return (await client.messages.create(**ASK)).content[0].text

            async def streamed() -> str:
                async with client.messages.stream(**ASK) as stream:
                    return "".join([text async for text in stream.text_stream])

            return await asyncio.gather(*(job() for _ in range(10) for job in (whole, streamed)))

    assert asyncio.run(use()) == [TEXT] * 20
