"""The provider that the settings name, if they name one."""

import importlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from tocsin.settings import BadSetting, Settings
from tocsin.sso.model import Terms, read_roles


def open_provider(settings: Settings, now: Callable[[], datetime]) -> Any:
    """The provider through which people sign in, where there is one. What reads its signatures is an extra."""
    if not settings.sso_issuer:
        return None
    try:
        roles = read_roles(settings.sso_roles)
    except ValueError as error:
        raise BadSetting(f"TOCSIN_SSO_ROLES: {error}") from None
    try:
        provider = importlib.import_module("tocsin.sso.provider")
    except ModuleNotFoundError:
        raise BadSetting("TOCSIN_SSO_ISSUER is set, and the library for it is missing: install tocsin[sso]") from None
    terms = Terms(
        issuer=settings.sso_issuer,
        client_id=settings.sso_client_id,
        name=settings.sso_name,
        roles=roles,
        makes_accounts=not settings.sso_known_only,
        scopes=settings.sso_scopes,
        groups_claim=settings.sso_groups_claim,
    )
    secret = settings.sso_client_secret
    if settings.sso_client_secret_file:
        secret = Path(settings.sso_client_secret_file).read_text(encoding="utf-8").strip()
    return provider.Provider(terms, secret, settings.public_url, now)
