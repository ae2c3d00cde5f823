"""Several providers for one channel, asked in order: the next one where one fails, is slow or is left alone."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from tocsin.delivery.breaker import Breaker
from tocsin.delivery.channel import Channel, Dead, Delivered, Message, Result, Retry
from tocsin.kit.clock import Clock


class Failover:
    """Delivered as soon as one has taken it; dead only if every one of them says that it never will arrive."""

    def __init__(self, providers: Mapping[str, Channel], clock: Clock, within: timedelta) -> None:
        self._providers = providers
        self._clock = clock
        self._within = within.total_seconds()
        self._breakers = {name: Breaker() for name in providers}

    async def send(self, message: Message) -> Result:
        found: dict[str, Retry | Dead] = {}
        for name, provider in self._providers.items():
            if self._breakers[name].is_open(self._clock.now()):
                found[name] = Retry("left alone for a moment", down=True)
                continue
            result = await self._ask(name, provider, message)
            if isinstance(result, Delivered):
                return replace(result, provider=name)
            found[name] = result
        reason = "; ".join(f"{name}: {one.reason}" for name, one in found.items())
        again = [one for one in found.values() if isinstance(one, Retry)]
        if not again:
            return Dead(reason)
        waits = [one.after for one in again if one.after is not None]
        return Retry(reason, min(waits, default=None), down=all(one.down for one in again))

    async def _ask(self, name: str, provider: Channel, message: Message) -> Result:
        try:
            async with asyncio.timeout(self._within):
                result = await provider.send(message)
        except TimeoutError:
            result = Retry(f"no answer within {self._within:g} s", down=True)
        if isinstance(result, Retry) and result.down:
            self._breakers[name].failed(self._clock.now())
        else:
            self._breakers[name].worked()
        return result
