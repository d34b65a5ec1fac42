"""Refusals and failures are raised by Anthropic's library as its own exceptions."""

from typing import Any

import anthropic
import pytest

from anthropic_model import TEXT
from conftest import Shop, StartShop

ASK: dict[str, Any] = {
    "model": "claude-shop-1",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Where is order 1001?"}],
}
DAY = '[[bot.limit]]\nper = "user"\nrequests = {}\nwindow = "1d"'
# One request in a second: whoever is refused waits no longer than that.
SECOND = '[[bot.limit]]\nper = "user"\nrequests = 1\nwindow = "1s"'


def client(shop: Shop, **more: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(**{"base_url": shop.gateway.url, "api_key": shop.key, "max_retries": 0, **more})


def ask(client: anthropic.Anthropic, **more: Any) -> str:
    return client.messages.create(**{**ASK, **more}).content[0].text


@pytest.mark.parametrize(
    ("status", "error", "verdict", "more"),
    [
        (401, anthropic.AuthenticationError, "bad-credential", {"api_key": "sk-ant-unknown"}),
        (403, anthropic.PermissionDeniedError, "no-right", {"api_key": "backend"}),
        (404, anthropic.NotFoundError, "model-not-granted", {"model": "gigantic-1"}),
        (400, anthropic.BadRequestError, "bad-field", {"extra_body": {"messages": "none"}}),
        (400, anthropic.BadRequestError, "malformed-request", {"extra_body": {"Model": "gigantic-1"}}),
        (413, anthropic.APIStatusError, "body-too-large", {"system": "x" * (5 << 20)}),
    ],
)
def test_refusals(
    anthropic_shop: Shop, status: int, error: type[anthropic.APIStatusError], verdict: str, more: dict[str, Any]
) -> None:
    before = len(anthropic_shop.upstream.asked)
    more = dict(more)
    key = more.pop("api_key", anthropic_shop.key)
    key = anthropic_shop.gateway.key() if key == "backend" else key
    with pytest.raises(error) as raised:
        ask(client(anthropic_shop, api_key=key), **more)
    assert raised.value.status_code == status
    assert raised.value.response.headers["botwarden-verdict"] == verdict
    assert raised.value.body["request_id"] == raised.value.request_id
    assert raised.value.request_id == raised.value.response.headers["x-request-id"]
    assert len(anthropic_shop.upstream.asked) == before, "the upstream was asked"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, anthropic.BadRequestError),
        (404, anthropic.NotFoundError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (529, anthropic.APIStatusError),
    ],
)
def test_the_models_own_errors(anthropic_shop: Shop, status: int, error: type[anthropic.APIStatusError]) -> None:
    with pytest.raises(error) as raised:
        ask(client(anthropic_shop), model=f"claude-status-{status}")
    assert raised.value.status_code == status
    assert raised.value.body["error"]["message"] == "the model says no"


def test_the_providers_refusal_of_the_gateways_key_is_not_the_callers(anthropic_shop: Shop) -> None:
    with pytest.raises(anthropic.APIStatusError) as raised:
        ask(client(anthropic_shop), model="claude-status-401")
    assert raised.value.status_code == 502
    assert raised.value.response.headers["botwarden-verdict"] == "upstream-key"


@pytest.mark.parametrize(("status", "asked"), [(401, 1), (500, 3)])
def test_what_no_retry_can_help_is_not_retried(anthropic_shop: Shop, status: int, asked: int) -> None:
    before = len(anthropic_shop.upstream.asked)
    with pytest.raises(anthropic.InternalServerError):
        ask(client(anthropic_shop, max_retries=2), model=f"claude-status-{status}")
    assert len(anthropic_shop.upstream.asked) - before == asked


def test_a_stream_that_breaks_off_raises(anthropic_shop: Shop) -> None:
    kinds = []
    with pytest.raises(anthropic.APIStatusError, match="the upstream broke off"):
        for event in client(anthropic_shop).messages.create(**{**ASK, "model": "claude-breaks"}, stream=True):
            kinds.append(event.type)
    assert kinds == ["message_start", "content_block_start"]


def test_a_limit_raises(start_shop: StartShop) -> None:
    shop = start_shop("anthropic", DAY.format(1))
    assert ask(client(shop)) == TEXT
    with pytest.raises(anthropic.RateLimitError, match="Rate limit exceeded") as raised:
        ask(client(shop))
    assert int(raised.value.response.headers["retry-after"]) > 86_000


def test_a_retry_waits_exactly_as_long_as_it_is_told(start_shop: StartShop) -> None:
    shop = start_shop("anthropic", SECOND)
    patient = client(shop, max_retries=3)
    assert ask(patient) == TEXT
    raw = patient.messages.with_raw_response.create(**ASK)
    # Were the wait told too short, the first retry would be refused as well.
    assert raw.retries_taken <= 1
    assert raw.parse().content[0].text == TEXT
    assert len(shop.upstream.asked) == 2, "what was refused never reached the upstream"


def test_each_user_has_a_limit_however_they_are_named(start_shop: StartShop) -> None:
    shop = start_shop("anthropic", DAY.format(1))
    ways: list[dict[str, Any]] = [
        {"metadata": {"user_id": "alice"}},
        {"extra_headers": {"x-botwarden-user": "alice"}},
    ]
    assert ask(client(shop), **ways[0]) == TEXT
    for way in ways:
        with pytest.raises(anthropic.RateLimitError):
            ask(client(shop), **way)
    assert ask(client(shop), metadata={"user_id": "bob"}) == TEXT
