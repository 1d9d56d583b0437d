"""How much memory a command may take: read from an option, and shared out within the process."""

import re

from replication.errors import ReplicationError

LEAST = 10**9
"""Bytes below which a build is not asked for: Python with its libraries takes a third of them."""
DEFAULT = "2GB"
OWN = 800 * 10**6
"""Bytes that the process needs beside its database: libraries, batches, the panel as it is made."""
UNITS = {"MB": 10**6, "GB": 10**9, "MIB": 2**20, "GIB": 2**30}


def read_memory(said: str) -> int:
    """Bytes of an amount such as ``2GB`` or ``1500 MB``.

    `ReplicationError` says what is wrong with another text, or that it is too little.
    """
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?([MG]i?B)", said.strip(), re.IGNORECASE)
    if not found:
        raise ReplicationError(
            f"--memory {said!r} is no amount of memory: a number and MB or GB, such as {DEFAULT}"
        )
    size = int(float(found[1]) * UNITS[found[2].upper()])
    if size < LEAST:
        raise ReplicationError(
            f"--memory {said} is too little: Python and the libraries alone take some 400 MB; "
            f"{LEAST // 10**6:,} MB are the least"
        )
    return size


def share_of_database(memory: int) -> int:
    """Bytes of `memory` that the database of a build may take."""
    return memory - OWN
