#!/usr/bin/env python3
"""The obvious limiter: a decorator that keeps the times of each user's calls in a list.

Prints the nanoseconds of processor time of one decision about one user, admitted and refused, each the median of
seven rounds. `cargo bench -p botwarden-limit` calls it and compares.
"""

import functools
import statistics
import time


class RateLimitExceeded(Exception):
    pass


def limited(calls: int, period: float, clock):
    """At most `calls` calls of each user in any `period` seconds."""

    def decorate(handle):
        seen: dict[str, list[float]] = {}

        @functools.wraps(handle)
        def wrapper(user: str, *args, **kwargs):
            now = clock()
            times = [at for at in seen.get(user, []) if now - at <= period]
            seen[user] = times
            if len(times) >= calls:
                raise RateLimitExceeded("Rate limit exceeded")
            times.append(now)
            return handle(user, *args, **kwargs)

        return wrapper

    return decorate


def measure(clock, decisions: int, fill: int) -> float:
    @limited(calls=30, period=60.0, clock=clock)
    def handle_request(user: str) -> None:
        return None

    for _ in range(fill):
        handle_request("user-1")
    began = time.process_time_ns()
    for _ in range(decisions):
        try:
            handle_request("user-1")
        except RateLimitExceeded:
            pass
    return (time.process_time_ns() - began) / decisions


class Paced:
    """The real clock is read, and time moves by a bit over two seconds a call: every call is admitted, 29 are in the list."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> float:
        self.calls += 1
        return self.calls * 2.001 + (time.monotonic() > 0)


def main() -> None:
    rounds = range(7)
    admitted = statistics.median(measure(Paced(), 20_000, 30) for _ in rounds)
    refused = statistics.median(measure(time.monotonic, 20_000, 30) for _ in rounds)
    print(f"admitted {admitted:.1f}")
    print(f"refused {refused:.1f}")


if __name__ == "__main__":
    main()
