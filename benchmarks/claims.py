"""What a program sets out to prove, one line each as soon as it is known."""

import sys
import time
from collections.abc import Callable

from isolated import UnavailableError


class Claims:
    """Prints each claim with how it went, and remembers whether one failed."""

    def __init__(self) -> None:
        """Begin with none."""
        self.failed = self.made = 0
        self.began_s = time.monotonic()

    def claim(self, sentence: str, holds: object, seen: object = "") -> None:
        """Print a claim; `seen` is shown when it failed."""
        self.made += 1
        self.failed += not holds
        print(f"{'ok    ' if holds else 'FAILED'}  {self._after()}  {sentence}", flush=True)
        if not holds and str(seen):
            print("\n".join(f"                {line}" for line in str(seen).splitlines()), flush=True)

    def remark(self, sentence: str) -> None:
        """Print what is no claim."""
        print(f"        {self._after()}  {sentence}", flush=True)

    def _after(self) -> str:
        return f"{time.monotonic() - self.began_s:5.0f} s"


def prove(what: str, story: Callable[[Claims], None]) -> None:
    """Tell a story of claims and exit: 1 when one failed, 0 when all hold or it could not be told here."""
    print(what, flush=True)
    claims = Claims()
    try:
        story(claims)
    except UnavailableError as error:
        print(f"NOT PROVED HERE: {error}", flush=True)
        sys.exit(1 if claims.failed else 0)
    print(f"{claims.made - claims.failed} of {claims.made} claims hold", flush=True)
    sys.exit(1 if claims.failed else 0)
