#!/usr/bin/env python3
"""Python's cryptography, one call after the other.

Speaks with `cargo bench -p botwarden-fernet`, so that the two are measured in turn: for each line `encrypt BYTES CALLS` or
`decrypt BYTES CALLS` it prints the nanoseconds of processor time that one call took.
"""

import os
import sys
import time

import cryptography
from cryptography.fernet import Fernet


def main() -> None:
    print(f"cryptography {cryptography.__version__}, Python {sys.version.split()[0]}", flush=True)
    fernet = Fernet(Fernet.generate_key())
    messages: dict[int, bytes] = {}
    for line in sys.stdin:
        what, size, calls = line.split()
        message = messages.setdefault(int(size), os.urandom(int(size)))
        argument = fernet.encrypt(message) if what == "decrypt" else message
        call = fernet.decrypt if what == "decrypt" else fernet.encrypt
        began = time.process_time_ns()
        for _ in range(int(calls)):
            call(argument)
        print((time.process_time_ns() - began) / int(calls), flush=True)


if __name__ == "__main__":
    main()
