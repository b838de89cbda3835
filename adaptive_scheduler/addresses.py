"""The address of a cluster's scheduler: `tls://host:8786`, or `tcp://` on this machine alone. Pure."""

import re
from typing import NamedTuple

PORT = 8786
"""Where the scheduler of a cluster listens, as dask's does."""

PATTERN = r"^(tls|tcp)://(\[[0-9A-Fa-f:.]+\]|[^\s\x00-\x1f\x7f:/@?#\[\]]+)(?::([0-9]{1,5}))?$"


class Master(NamedTuple):
    """A parsed address."""

    scheme: str
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this very machine, whatever the network is."""
        return self.host in ("localhost", "::1") or re.fullmatch(r"127(\.[0-9]{1,3}){3}", self.host) is not None

    @property
    def is_encrypted(self) -> bool:
        """Whether it is spoken to through TLS."""
        return self.scheme == "tls"

    def __str__(self) -> str:
        """Return the address in full."""
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def parse(text: str) -> Master:
    """Return the parts of an address; ValueError says how one is written."""
    found = re.fullmatch(PATTERN, text)
    port = PORT if found is None or found[3] is None else int(found[3])
    if found is None or not 0 < port < 65_536:
        raise ValueError('must be an address such as "tls://master.example:8786"')
    return Master(found[1], found[2].strip("[]").lower(), port)
