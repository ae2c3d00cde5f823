"""The channels that the settings set up, each with its providers. Credentials are the settings' and stay here."""

from collections.abc import Callable
from datetime import timedelta

import aiohttp

from tocsin.delivery.channel import Channel
from tocsin.delivery.failover import Failover
from tocsin.delivery.ntfy import NtfyChannel
from tocsin.delivery.sms import HttpSms
from tocsin.delivery.telegram import TelegramChannel
from tocsin.delivery.twilio import Account, TwilioSms, TwilioVoice
from tocsin.kit.clock import Clock
from tocsin.settings import Settings

EACH_WITHIN = timedelta(seconds=8)  # for one provider, before the next one is asked
Session = Callable[[], aiohttp.ClientSession]


def channels(settings: Settings, session: Session, clock: Clock) -> dict[str, Channel]:
    found: dict[str, Channel] = {}
    account = _twilio(settings)
    if account is not None:
        found["voice"] = TwilioVoice(session, account)
    if settings.ntfy_url:
        found["ntfy"] = NtfyChannel(session, settings.ntfy_url, settings.ntfy_token)
    if settings.telegram_token:
        found["telegram"] = TelegramChannel(session, settings.telegram_api_url, settings.telegram_token)
    known: dict[str, Channel] = {"twilio": TwilioSms(session, account)} if account else {}
    if settings.sms_url:
        known["http"] = HttpSms(session, settings.sms_url, settings.sms_token)
    if sms := {name: known[name] for name in settings.sms_providers.split() if name in known}:
        found["sms"] = Failover(sms, clock, EACH_WITHIN)
    return found


def _twilio(settings: Settings) -> Account | None:
    if not settings.twilio_account_sid:
        return None
    return Account(
        sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token,
        sender=settings.twilio_from,
        api_url=settings.twilio_api_url.rstrip("/"),
        callbacks=f"{settings.public_url}/in/twilio",
    )
