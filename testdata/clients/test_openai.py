"""OpenAI's own library, sync and async: everything it does works through the gateway."""

import asyncio

import openai
import pytest
from pydantic import BaseModel

from conftest import Shop
from gateway import PROVIDER_KEY
from openai_model import ORDER, TEXT, USAGE, VECTOR

ASK = [{"role": "user", "content": "Where is order 1001?"}]
PARAMETERS = {"type": "object", "properties": {"order_id": {"type": "integer"}}, "required": ["order_id"]}
TOOLS = [{"type": "function", "function": {"name": "get_order", "parameters": PARAMETERS}}]


class Order(BaseModel):
    order_id: int
    status: str


@pytest.fixture
def client(openai_shop: Shop) -> openai.OpenAI:
    return openai.OpenAI(base_url=openai_shop.url, api_key=openai_shop.key, max_retries=0)


def test_a_chat(client: openai.OpenAI, openai_shop: Shop) -> None:
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=ASK, seed=7)
    completion = raw.parse()
    assert completion.choices[0].message.content == TEXT
    assert completion.usage is not None and completion.usage.total_tokens == USAGE["total_tokens"]
    assert completion._request_id == raw.headers["x-request-id"] != "req_upstream"
    assert raw.headers["botwarden-upstream-request-id"] == "req_upstream"
    assert raw.headers["botwarden-verdict"] == "allowed"
    asked = openai_shop.upstream.asked[-1]
    assert asked.body == {"model": "gpt-4o-mini", "messages": ASK, "seed": 7}
    assert asked.headers["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert openai_shop.key not in str(asked.headers)


def test_a_stream(client: openai.OpenAI) -> None:
    usage = {"include_usage": True}
    chunks = list(
        client.chat.completions.create(model="gpt-4o-mini", messages=ASK, stream=True, stream_options=usage)
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None and chunks[-1].usage.total_tokens == USAGE["total_tokens"]


def test_the_librarys_own_stream_helper(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="gpt-4o-mini", messages=ASK) as stream:
        kinds = [event.type for event in stream]
        assert "content.delta" in kinds and "content.done" in kinds
        assert stream.get_final_completion().choices[0].message.content == TEXT


def test_a_stream_that_is_left_early(client: openai.OpenAI) -> None:
    for chunk in client.chat.completions.create(model="gpt-4o-mini", messages=ASK, stream=True):
        assert chunk.choices
        break
    assert client.chat.completions.create(model="gpt-4o-mini", messages=ASK).choices


def test_tools(client: openai.OpenAI, openai_shop: Shop) -> None:
    first = client.chat.completions.create(model="gpt-4o-mini", messages=ASK, tools=TOOLS)
    calls = first.choices[0].message.tool_calls
    assert calls is not None and first.choices[0].finish_reason == "tool_calls"
    assert (calls[0].function.name, calls[0].function.arguments) == ("get_order", '{"order_id": 1001}')
    result = {"role": "tool", "tool_call_id": calls[0].id, "content": str(ORDER)}
    history = [*ASK, first.choices[0].message, result]
    second = client.chat.completions.create(model="gpt-4o-mini", messages=history)
    assert second.choices[0].message.content == TEXT
    assert [message["role"] for message in openai_shop.upstream.asked[-1].body["messages"]] == [
        "user",
        "assistant",
        "tool",
    ]


def test_tools_streamed(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="gpt-4o-mini", messages=ASK, tools=TOOLS) as stream:
        message = stream.get_final_completion().choices[0].message
    assert message.tool_calls is not None
    assert message.tool_calls[0].function.arguments == '{"order_id": 1001}'


def test_structured_output(client: openai.OpenAI, openai_shop: Shop) -> None:
    parsed = client.chat.completions.parse(model="gpt-4o-mini", messages=ASK, response_format=Order)
    assert parsed.choices[0].message.parsed == Order(**ORDER)
    assert openai_shop.upstream.asked[-1].body["response_format"]["json_schema"]["strict"] is True


def test_structured_output_streamed(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="gpt-4o-mini", messages=ASK, response_format=Order) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == Order(**ORDER)


@pytest.mark.parametrize("encoding", ["base64", "float", None])
def test_embeddings(client: openai.OpenAI, encoding: str | None) -> None:
    more = {"encoding_format": encoding} if encoding else {}
    answer = client.embeddings.create(model="text-embedding-3-small", input=["a", "b"], **more)
    if encoding != "base64":
        assert [item.embedding for item in answer.data] == [VECTOR, VECTOR]
    assert answer.usage.total_tokens == 2


def test_models_are_the_granted_ones(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["gpt-4o-mini", "text-embedding-3-small"]
    assert client.models.retrieve("gpt-4o-mini").id == "gpt-4o-mini"


def test_the_async_client(openai_shop: Shop) -> None:
    async def use() -> list[str]:
        async with openai.AsyncOpenAI(base_url=openai_shop.url, api_key=openai_shop.key) as client:

            async def whole() -> str:
                answer = await client.chat.completions.create(model="gpt-4o-mini", messages=ASK)
                return answer.choices[0].message.content or ""

            async def streamed() -> str:
                stream = await client.chat.completions.create(model="gpt-4o-mini", messages=ASK, stream=True)
                return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

            return await asyncio.gather(*(job() for _ in range(10) for job in (whole, streamed)))

    assert asyncio.run(use()) == [TEXT] * 20


def test_a_session_token_is_a_key_to_the_library(openai_shop: Shop) -> None:
    backend = openai.OpenAI(base_url=openai_shop.gateway.url, api_key=openai_shop.gateway.key(), max_retries=0)
    opened = backend.post("/botwarden/v1/sessions", body={"user": "alice"}, cast_to=dict)
    with openai.OpenAI(base_url=openai_shop.url, api_key=opened["token"], max_retries=0) as bot:
        answer = bot.chat.completions.create(model="gpt-4o-mini", messages=ASK)
        assert answer.choices[0].message.content == TEXT
        backend.delete(f"/botwarden/v1/sessions/{opened['id']}", cast_to=dict)
        with pytest.raises(openai.AuthenticationError):
            bot.chat.completions.create(model="gpt-4o-mini", messages=ASK)
