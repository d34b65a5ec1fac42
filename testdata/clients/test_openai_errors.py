"""Refusals and failures are raised by OpenAI's library as its own exceptions."""

from typing import Any

import openai
import pytest

from conftest import Shop, StartShop
from openai_model import TEXT

ASK = [{"role": "user", "content": "Where is order 1001?"}]
DAY = '[[bot.limit]]\nper = "user"\nrequests = {}\nwindow = "1d"'
# One request in a second: whoever is refused waits no longer than that.
SECOND = '[[bot.limit]]\nper = "user"\nrequests = 1\nwindow = "1s"'


def client(shop: Shop, **more: Any) -> openai.OpenAI:
    return openai.OpenAI(**{"base_url": shop.url, "api_key": shop.key, "max_retries": 0, **more})


def ask(client: openai.OpenAI, model: str = "gpt-4o-mini", **more: Any) -> str:
    answer = client.chat.completions.create(model=model, messages=ASK, **more)
    return answer.choices[0].message.content or ""


@pytest.mark.parametrize(
    ("status", "error", "code", "more"),
    [
        (401, openai.AuthenticationError, "bad-credential", {"api_key": "sk-unknown"}),
        (401, openai.AuthenticationError, "bad-credential", {"api_key": "bw_" + "A" * 43}),
        (403, openai.PermissionDeniedError, "no-right", {"api_key": "backend"}),
        (404, openai.NotFoundError, "model-not-granted", {"model": "o3"}),
        (400, openai.BadRequestError, "bad-field", {"extra_body": {"messages": "none"}}),
        (400, openai.BadRequestError, "unknown-query", {"extra_query": {"api-version": "1"}}),
        (400, openai.BadRequestError, "malformed-request", {"extra_body": {"Model": "o3"}}),
        (415, openai.APIStatusError, "not-json", {"extra_headers": {"content-type": "text/plain"}}),
    ],
)
def test_refusals(
    openai_shop: Shop, status: int, error: type[openai.APIStatusError], code: str, more: dict[str, Any]
) -> None:
    before = len(openai_shop.upstream.asked)
    key = more.pop("api_key", openai_shop.key)
    key = openai_shop.gateway.key() if key == "backend" else key
    with pytest.raises(error) as raised:
        ask(client(openai_shop, api_key=key), **more)
    assert (raised.value.status_code, raised.value.code) == (status, code)
    assert raised.value.response.headers["botwarden-verdict"] == code
    assert (raised.value.request_id or "").startswith("req-")
    assert len(openai_shop.upstream.asked) == before, "the upstream was asked"


def test_paths_that_the_gateway_does_not_serve(openai_shop: Shop) -> None:
    with pytest.raises(openai.NotFoundError):
        client(openai_shop).files.list()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
def test_the_models_own_errors(openai_shop: Shop, status: int, error: type[openai.APIStatusError]) -> None:
    with pytest.raises(error) as raised:
        ask(client(openai_shop), f"gpt-status-{status}")
    assert (raised.value.code, raised.value.type) == ("no", "model_error")
    assert raised.value.response.headers["botwarden-verdict"] == "allowed"


@pytest.mark.parametrize("status", [401, 403])
def test_the_providers_refusal_of_the_gateways_key_is_not_the_callers(openai_shop: Shop, status: int) -> None:
    with pytest.raises(openai.InternalServerError) as raised:
        ask(client(openai_shop), f"gpt-status-{status}")
    assert (raised.value.status_code, raised.value.code) == (502, "upstream-key")


@pytest.mark.parametrize(("status", "asked"), [(401, 1), (403, 1), (302, 1), (500, 3)])
def test_what_no_retry_can_help_is_not_retried(openai_shop: Shop, status: int, asked: int) -> None:
    before = len(openai_shop.upstream.asked)
    with pytest.raises(openai.InternalServerError):
        ask(client(openai_shop, max_retries=2), f"gpt-status-{status}")
    assert len(openai_shop.upstream.asked) - before == asked


def test_a_stream_that_breaks_off_raises(openai_shop: Shop) -> None:
    read = []
    stream = client(openai_shop).chat.completions.create(model="gpt-breaks", messages=ASK, stream=True)
    with pytest.raises(openai.APIError) as raised:
        for chunk in stream:
            read.append(chunk.choices[0].delta.content)
    assert read == ["Order "]
    assert raised.value.code == "upstream-broken"


def test_a_limit_raises(start_shop: StartShop) -> None:
    shop = start_shop("openai", DAY.format(2))
    for _ in range(2):
        assert ask(client(shop)) == TEXT
    with pytest.raises(openai.RateLimitError, match="Rate limit exceeded") as raised:
        ask(client(shop))
    headers = raised.value.response.headers
    assert raised.value.code == "rate-limit"
    assert int(headers["retry-after"]) > 86_000
    assert headers["x-ratelimit-remaining-requests"] == "0"


def test_a_limit_of_a_day_is_not_waited_for(start_shop: StartShop) -> None:
    shop = start_shop("openai", DAY.format(1))
    patient = client(shop, max_retries=3)
    assert ask(patient) == TEXT
    with pytest.raises(openai.RateLimitError) as raised:
        ask(patient)
    assert raised.value.response.headers["x-should-retry"] == "false"


def test_a_retry_waits_exactly_as_long_as_it_is_told(start_shop: StartShop) -> None:
    shop = start_shop("openai", SECOND)
    patient = client(shop, max_retries=3)
    assert ask(patient) == TEXT
    for _ in range(2):
        raw = patient.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=ASK)
        # Were the wait told too short, the first retry would be refused as well.
        assert raw.retries_taken <= 1
        assert raw.parse().choices[0].message.content == TEXT
    assert len(shop.upstream.asked) == 3, "what was refused never reached the upstream"


def test_each_user_has_a_limit_however_they_are_named(start_shop: StartShop) -> None:
    shop = start_shop("openai", DAY.format(1))
    ways: list[dict[str, Any]] = [
        {"extra_headers": {"x-botwarden-user": "alice"}},
        {"user": "alice"},
        {"safety_identifier": "alice"},
    ]
    assert ask(client(shop), **ways[0]) == TEXT
    for way in ways:
        with pytest.raises(openai.RateLimitError):
            ask(client(shop), **way)
    assert ask(client(shop), user="bob") == TEXT
