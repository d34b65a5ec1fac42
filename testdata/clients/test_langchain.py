"""LangChain's client for OpenAI, as people point it elsewhere: by `base_url`."""

import asyncio
from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel, SecretStr

from conftest import Shop, StartShop
from openai_model import ORDER, TEXT, USAGE, VECTOR


class Order(BaseModel):
    """An order of the shop's."""

    order_id: int
    status: str


@tool
def get_order(order_id: int) -> str:
    """Looks an order up."""
    return f"order {order_id} is on its way"


def chat(shop: Shop, **more: Any) -> ChatOpenAI:
    settings: dict[str, Any] = {"model": "gpt-4o-mini", "max_retries": 0, **more}
    return ChatOpenAI(base_url=shop.url, api_key=SecretStr(shop.key), **settings)


def test_a_chat(openai_shop: Shop) -> None:
    answer = chat(openai_shop).invoke("Where is order 1001?")
    assert answer.content == TEXT
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] == USAGE["total_tokens"]


def test_a_stream(openai_shop: Shop) -> None:
    pieces = [chunk.content for chunk in chat(openai_shop).stream("Where is order 1001?")]
    assert "".join(map(str, pieces)) == TEXT
    assert sum(1 for piece in pieces if piece) > 1, "it comes in pieces"


def test_tools(openai_shop: Shop) -> None:
    bound = chat(openai_shop).bind_tools([get_order])
    question = HumanMessage("Where is order 1001?")
    proposed = bound.invoke([question])
    assert isinstance(proposed, AIMessage)
    [call] = proposed.tool_calls
    assert (call["name"], call["args"]) == ("get_order", {"order_id": 1001})
    result = get_order.invoke(call)
    assert isinstance(result, ToolMessage)
    assert chat(openai_shop).invoke([question, proposed, result]).content == TEXT
    streamed = sum(bound.stream([question]), start=next(bound.stream([question])))
    assert streamed.tool_calls[0]["args"] == {"order_id": 1001}


def test_structured_output(openai_shop: Shop) -> None:
    structured = chat(openai_shop).with_structured_output(Order)
    assert structured.invoke("Where is order 1001?") == Order(**ORDER)


def test_embeddings(openai_shop: Shop) -> None:
    embeddings = OpenAIEmbeddings(
        model="text-embedding-3-small",
        base_url=openai_shop.url,
        api_key=SecretStr(openai_shop.key),
        # Otherwise it fetches a tokenizer from the network.
        check_embedding_ctx_length=False,
    )
    assert embeddings.embed_documents(["a", "b"]) == [VECTOR, VECTOR]


def test_many_at_once(openai_shop: Shop) -> None:
    async def use() -> list[str]:
        model = chat(openai_shop)

        async def streamed() -> str:
            return "".join([str(chunk.content) async for chunk in model.astream("Where is order 1001?")])

        async def whole() -> str:
            return str((await model.ainvoke("Where is order 1001?")).content)

        return await asyncio.gather(*(job() for _ in range(5) for job in (whole, streamed)))

    assert asyncio.run(use()) == [TEXT] * 10


def test_refusals_are_raised(openai_shop: Shop) -> None:
    with pytest.raises(openai.NotFoundError):
        chat(openai_shop, model="o3").invoke("hello")
    with pytest.raises(openai.AuthenticationError):
        ChatOpenAI(base_url=openai_shop.url, api_key=SecretStr("sk-unknown"), max_retries=0).invoke("hello")


def test_a_retry_waits_for_its_turn(start_shop: StartShop) -> None:
    shop = start_shop("openai", '[[bot.limit]]\nper = "user"\nrequests = 1\nwindow = "1s"')
    model = chat(shop, max_retries=2)
    for _ in range(2):
        assert model.invoke("Where is order 1001?").content == TEXT
    assert len(shop.upstream.asked) == 2
