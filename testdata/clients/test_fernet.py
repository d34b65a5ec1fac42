"""Fernet tokens: Botwarden's crate and Python's cryptography read each other, and say the same of every token.

Needs FERNET_LINES, the program `crates/fernet/examples/fernet_lines.rs`.
"""

import base64
import hashlib
import hmac
import os
import random
import struct
import subprocess
from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

SENSITIVE = b"Sensitive customer data"
NOW = 1_800_000_000
U64_MAX = 2**64 - 1
MUTATED = 120_000
STAMPS = [0, 1, NOW - 61, NOW - 60, NOW, NOW + 60, NOW + 61, 2**63, U64_MAX - 1, U64_MAX]
AGES = [None, *((ttl, now) for ttl in (0, 1, 60, 61, NOW, 2**63, U64_MAX) for now in (0, 60, NOW, U64_MAX - 60, U64_MAX))]


class Lines:
    """The crate, asked line by line; many lines go before their answers are read."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [os.environ["FERNET_LINES"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, *questions: str) -> list[str]:
        answers = []
        waiting = 0
        for question in questions:
            # What is under way must fit into the pipes, or both sides wait for ever.
            if waiting and (waiting + 1) * len(question) > 8192:
                answers += self._answers(waiting)
                waiting = 0
            self._child.stdin.write(f"{question}\n")
            waiting += 1
            if waiting == 16:
                answers += self._answers(waiting)
                waiting = 0
        return answers + self._answers(waiting)

    def _answers(self, count: int) -> list[str]:
        self._child.stdin.flush()
        return [self._child.stdout.readline().rstrip("\n") for _ in range(count)]

    def close(self) -> None:
        self._child.stdin.close()
        assert self._child.wait() == 0


@pytest.fixture(scope="module")
def lines() -> Iterator[Lines]:
    lines = Lines()
    yield lines
    lines.close()


def x(data: bytes) -> str:
    return f"x{data.hex()}"


def decrypted(fernet: Fernet | MultiFernet, token: bytes, age: tuple[int, int] | None) -> str:
    """Python's answer, as the crate spells it. Anything but a message or InvalidToken fails the test."""
    try:
        if age is None:
            return f"= {x(fernet.decrypt(token))}"
        return f"= {x(fernet.decrypt_at_time(token, *age))}"
    except InvalidToken:
        return "!"


def stamp(fernet: Fernet | MultiFernet, token: bytes) -> str:
    try:
        return f"= {fernet.extract_timestamp(token)}"
    except InvalidToken:
        return "!"


def ask_decrypt(keys: str, token: bytes, age: tuple[int, int] | None, how: str = "decrypt") -> str:
    ttl, now = age or ("-", "-")
    return f"{how} {keys} {x(token)} {ttl} {now}"


def sign(key: bytes, body: bytes) -> bytes:
    """A body with a right MAC, whatever it holds."""
    signing = base64.urlsafe_b64decode(key)[:16]
    return base64.urlsafe_b64encode(body + hmac.new(signing, body, hashlib.sha256).digest())


def odd_body(dice: random.Random) -> bytes:
    """A body that only a holder of the key could sign, wrong in one way or another, or right."""
    body = b"\x80" + struct.pack(">Q", dice.choice(STAMPS)) + dice.randbytes(16)
    body += dice.randbytes(16 * dice.randrange(5) if dice.random() < 0.8 else dice.randrange(80))
    match dice.randrange(5):
        case 0:
            return body[: dice.randrange(len(body) + 1)]
        case 1:
            return dice.randbytes(1) + body[1:]
        case _:
            return body


def mutated(dice: random.Random, token: bytes, other: bytes) -> bytes:
    """The token after up to four changes: of characters, of spelling, or of length."""
    text = bytearray(token)
    alphabet = b"ABab01+/-_= \n\t\0\x7f\x80\xff%.,"
    for _ in range(dice.choice((0, 1, 1, 1, 2, 2, 3, 4))):
        at = dice.randrange(len(text) + 1)
        match dice.randrange(14):
            case 0:
                text[at:at] = bytes([dice.choice(alphabet)])
            case 1:
                text[at : at + 1] = bytes([dice.choice(alphabet)])
            case 2:
                text[at : at + 1] = bytes([dice.randrange(256)])
            case 3:
                del text[at : at + dice.randrange(1, 6)]
            case 4:
                text = text.replace(b"-", b"+").replace(b"_", b"/")
            case 5:
                text = text.rstrip(b"=")
            case 6:
                text += dice.choice((b"=", b"==", b"AAAA", b"=AAA", b"A", b"\n", other))
            case 7:
                text[:0] = dice.choice((b" ", b"=", b"==", b"\r\n", b"AAAA", b"A=="))
            case 8:
                # Unused bits of the last character before the padding.
                end = len(text.rstrip(b"="))
                text[max(end - 1, 0) : end] = bytes([dice.choice(b"ABCDEFGHQRSTghijwxyz")])
            case 9:
                text[at:at] = bytes(dice.choice(b"\n \t!?=") for _ in range(dice.randrange(20)))
            case 10:
                text[at:] = other[at:]
            case 11:
                text = bytearray(b"\n".join(text[i : i + 64] for i in range(0, len(text), 64)))
            case 12:
                text[at:at] = b"=" * dice.randrange(4)
            case _:
                text = text[: dice.randrange(len(text) + 1)]
    return bytes(text)


def test_tokens_go_both_ways(lines: Lines) -> None:
    key = Fernet.generate_key()
    python = Fernet(key)
    messages = [SENSITIVE, b"", *(os.urandom(size) for size in (1, 15, 16, 17, 64, 1000, 12_287, 50_000))]
    for message in messages:
        (answer,) = lines.ask(f"encrypt {key.decode()} {x(message)} {NOW}")
        token = answer.removeprefix("= ").encode()
        assert python.decrypt(token) == python.decrypt_at_time(token, 0, NOW) == message
        assert python.extract_timestamp(token) == NOW
        for how in ("decrypt", "strict"):
            token = python.encrypt_at_time(message, NOW)
            answers = lines.ask(ask_decrypt(key.decode(), token, (0, NOW), how), f"stamp {key.decode()} {x(token)}")
            assert answers == [f"= {x(message)}", f"= {NOW}"]


def test_keys_are_read_as_python_reads_them(lines: Lines) -> None:
    dice = random.Random(7)
    keys = [mutated(dice, Fernet.generate_key(), Fernet.generate_key()) for _ in range(5000)]
    for key, answer in zip(keys, lines.ask(*(f"key {x(key)}" for key in keys))):
        try:
            Fernet(key)
            wanted = f"= {base64.urlsafe_b64encode(base64.urlsafe_b64decode(key)).decode()}"
        except ValueError:
            wanted = "!"
        assert answer == wanted, key


def test_ages_at_the_ends_of_time(lines: Lines) -> None:
    key = Fernet.generate_key()
    python = Fernet(key)
    cases = [(python.encrypt_at_time(SENSITIVE, at), age) for at in STAMPS for age in AGES]
    answers = lines.ask(*(ask_decrypt(key.decode(), token, age) for token, age in cases))
    for (token, age), answer in zip(cases, answers):
        assert answer == decrypted(python, token, age), (token, age)
    assert len(set(answers)) == 2


def test_every_token_gets_the_verdict_that_python_gives(lines: Lines) -> None:
    dice = random.Random(20_261_127)
    key = Fernet.generate_key()
    python = Fernet(key)
    tokens = [python.encrypt_at_time(dice.randbytes(dice.randrange(90)), dice.choice(STAMPS)) for _ in range(500)]
    tokens += [sign(key, odd_body(dice)) for _ in range(500)]
    verdicts = {"= ": 0, "!": 0}
    for _ in range(0, MUTATED, 5000):
        cases = [
            (mutated(dice, dice.choice(tokens), dice.choice(tokens)), dice.choice(AGES) if dice.random() < 0.3 else None)
            for _ in range(5000)
        ]
        answers = lines.ask(*(ask_decrypt(key.decode(), token, age) for token, age in cases))
        for (token, age), answer in zip(cases, answers):
            assert answer == decrypted(python, token, age), (key, token, age)
            verdicts[answer[:2]] += 1
        some = [token for token, _ in cases[:1000]]
        for token, answer in zip(some, lines.ask(*(f"stamp {key.decode()} {x(token)}" for token in some))):
            assert answer == stamp(python, token), (key, token)
    # Neither verdict is there by accident.
    assert min(verdicts.values()) > MUTATED / 20, verdicts


def test_several_keys_and_rotation(lines: Lines) -> None:
    dice = random.Random(3)
    keys = [Fernet.generate_key() for _ in range(3)]
    # Signs like the first and encrypts with another key.
    halves = base64.urlsafe_b64decode(keys[0])
    keys.append(base64.urlsafe_b64encode(halves[:16] + os.urandom(16)))
    python = MultiFernet([Fernet(key) for key in (keys[3], *keys[:2])])
    given = ",".join(key.decode() for key in (keys[3], *keys[:2]))
    for _ in range(300):
        sealed = Fernet(dice.choice(keys)).encrypt_at_time(SENSITIVE, dice.choice(STAMPS))
        token = mutated(dice, sealed, sealed) if dice.random() < 0.5 else sealed
        answers = lines.ask(ask_decrypt(given, token, None), f"stamp {given} {x(token)}", f"rotate {given} {x(token)}")
        assert answers[:2] == [decrypted(python, token, None), stamp(python, token)]
        if answers[0] == "!":
            assert answers[2] == "!"
            continue
        rotated = answers[2].removeprefix("= ").encode()
        assert Fernet(keys[3]).decrypt(rotated) == python.decrypt(token)
        assert python.extract_timestamp(rotated) == python.extract_timestamp(token)
        assert base64.urlsafe_b64decode(rotated)[9:25] != base64.urlsafe_b64decode(token)[9:25]
