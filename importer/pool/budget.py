"""How many requests of a whole run may be repeated: what bounds a storm of retries. Pure."""

from __future__ import annotations

_TOKENS = 500


class Budget:
    """A repetition costs a token, a success gives one back: it lasts while no more than half of the requests fail."""

    def __init__(self, tokens: int = _TOKENS) -> None:
        self._most = self._tokens = tokens

    def earn(self) -> None:
        """Note a success."""
        self._tokens = min(self._most, self._tokens + 1)

    def spend(self) -> bool:
        """Take a token for one more repetition; False where there is none."""
        if not self._tokens:
            return False
        self._tokens -= 1
        return True
