"""What is written into the audit log: who did what at the door and to the keys, and whom it was refused."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Deed(StrEnum):
    """What was done or refused. The part before the dot is what it was done to."""

    ACCOUNT_MADE = "account.made"
    ACCOUNT_CHANGED = "account.changed"
    ROLE_CHANGED = "account.role_changed"
    ACCOUNT_DISABLED = "account.disabled"
    ACCOUNT_ENABLED = "account.enabled"
    LINK_MADE = "account.link_made"
    PASSWORD_SET = "account.password_set"
    LINKED = "account.linked"
    UNLINKED = "account.unlinked"
    FACTOR_ADDED = "factor.added"
    FACTOR_REMOVED = "factor.removed"
    CODES_MADE = "factor.recovery_codes_made"
    CODE_USED = "factor.recovery_code_used"
    PASSKEY_ADDED = "passkey.added"
    PASSKEY_REMOVED = "passkey.removed"
    SESSION_BEGUN = "session.begun"
    SESSION_PROVEN = "session.proven"
    SESSION_ENDED = "session.ended"
    SESSIONS_ENDED = "session.all_ended"
    LINK_REVOKED = "account.link_revoked"
    LINK_MAILED = "account.link_mailed"
    CONTACT_ADDED = "contact.added"
    CONTACT_VERIFIED = "contact.verified"
    CONTACT_REMOVED = "contact.removed"
    CONTACT_ENDED = "contact.ended"
    CONTACT_RENEWED = "contact.renewed"
    RULE_ADDED = "contact.rule_added"
    RULE_REMOVED = "contact.rule_removed"
    ZONE_SET = "contact.zone_set"
    CHAT_LINKED = "contact.chat_linked"
    CHAT_UNLINKED = "contact.chat_unlinked"
    TOKEN_MADE = "token.made"
    TOKEN_REVOKED = "token.revoked"
    FEED_MADE = "calendar.made"
    FEED_REVOKED = "calendar.revoked"
    WEBHOOK_MADE = "webhook.made"
    WEBHOOK_CHANGED = "webhook.changed"
    WEBHOOK_ROTATED = "webhook.secret_replaced"
    WEBHOOK_ENABLED = "webhook.enabled"
    WEBHOOK_DISABLED = "webhook.disabled"
    WEBHOOK_REMOVED = "webhook.removed"
    WEBHOOK_REPLAYED = "webhook.replayed"
    PUT_ON_CALL = "oncall.put"
    TAKEN_OFF_CALL = "oncall.taken_back"
    SILENCED = "silence.made"
    SILENCE_EXTENDED = "silence.extended"
    UNSILENCED = "silence.ended"
    PLAN_APPLIED = "plan.applied"
    SETTING_CHANGED = "setting.changed"
    SUBSCRIBER_EXPORTED = "subscriber.exported"
    SUBSCRIBER_ERASED = "subscriber.erased"
    SUBSCRIBER_TURNED = "subscriber.turned"
    SUBSCRIBERS_ENTERED = "subscriber.entered"
    MADE_CONFIDENTIAL = "incident.made_confidential"
    DISCLOSED = "incident.disclosed"
    GLASS_BROKEN = "incident.glass_broken"
    READER_ADDED = "incident.reader_added"
    READER_REMOVED = "incident.reader_removed"
    SIGN_IN_REFUSED = "refused.sign_in"
    CODE_REFUSED = "refused.code"
    PASSKEY_REFUSED = "refused.passkey"
    LINK_REFUSED = "refused.link"
    RIGHT_MISSING = "refused.right"
    FORM_REFUSED = "refused.form"
    TOKEN_REFUSED = "refused.token"

    @property
    def subject(self) -> str:
        return self.partition(".")[0]

    @property
    def is_refusal(self) -> bool:
        return self.subject == "refused"


SUBJECTS = tuple(dict.fromkeys(one.subject for one in Deed))
WORDS: dict[Deed, str] = {
    Deed.ACCOUNT_MADE: "Made an account",
    Deed.ACCOUNT_CHANGED: "Changed an account",
    Deed.ROLE_CHANGED: "Changed a role",
    Deed.ACCOUNT_DISABLED: "Disabled an account",
    Deed.ACCOUNT_ENABLED: "Enabled an account",
    Deed.LINK_MADE: "Made a sign-in link",
    Deed.PASSWORD_SET: "Set a password",
    Deed.LINKED: "Linked an account to the provider",
    Deed.UNLINKED: "Unlinked an account from the provider",
    Deed.FACTOR_ADDED: "Added a second factor",
    Deed.FACTOR_REMOVED: "Took a second factor away",
    Deed.CODES_MADE: "Made recovery codes",
    Deed.CODE_USED: "Used a recovery code",
    Deed.PASSKEY_ADDED: "Added a passkey",
    Deed.PASSKEY_REMOVED: "Removed a passkey",
    Deed.SESSION_BEGUN: "Signed in",
    Deed.SESSION_PROVEN: "Proved who they are",
    Deed.SESSION_ENDED: "Ended a session",
    Deed.SESSIONS_ENDED: "Ended every session",
    Deed.LINK_REVOKED: "Revoked a sign-in link",
    Deed.LINK_MAILED: "Mailed a sign-in link",
    Deed.CONTACT_ADDED: "Added a contact method",
    Deed.CONTACT_VERIFIED: "Verified a contact method",
    Deed.CONTACT_REMOVED: "Removed a contact method",
    Deed.CONTACT_ENDED: "Ended a contact method",
    Deed.CONTACT_RENEWED: "Followed a browser to its new subscription",
    Deed.RULE_ADDED: "Added a rule of paging",
    Deed.RULE_REMOVED: "Removed a rule of paging",
    Deed.ZONE_SET: "Set a time zone",
    Deed.CHAT_LINKED: "Said who somebody is in a chat",
    Deed.CHAT_UNLINKED: "Took back who somebody is in a chat",
    Deed.TOKEN_MADE: "Made a token",
    Deed.TOKEN_REVOKED: "Revoked a token",
    Deed.FEED_MADE: "Made a calendar",
    Deed.FEED_REVOKED: "Revoked a calendar",
    Deed.WEBHOOK_MADE: "Made a webhook",
    Deed.WEBHOOK_CHANGED: "Changed a webhook",
    Deed.WEBHOOK_ROTATED: "Replaced the secret of a webhook",
    Deed.WEBHOOK_ENABLED: "Enabled a webhook",
    Deed.WEBHOOK_DISABLED: "Disabled a webhook",
    Deed.WEBHOOK_REMOVED: "Removed a webhook",
    Deed.WEBHOOK_REPLAYED: "Sent events to a webhook again",
    Deed.PUT_ON_CALL: "Put somebody on call",
    Deed.TAKEN_OFF_CALL: "Took back who was put on call",
    Deed.SILENCED: "Held signals back",
    Deed.SILENCE_EXTENDED: "Let a silence last longer",
    Deed.UNSILENCED: "Ended a silence",
    Deed.PLAN_APPLIED: "Put a plan into force",
    Deed.SETTING_CHANGED: "Changed a setting",
    Deed.SUBSCRIBER_EXPORTED: "Exported a subscriber",
    Deed.SUBSCRIBER_ERASED: "Erased a subscriber",
    Deed.SUBSCRIBER_TURNED: "Turned a subscriber on or off",
    Deed.SUBSCRIBERS_ENTERED: "Entered subscribers",
    Deed.MADE_CONFIDENTIAL: "Made an incident confidential",
    Deed.DISCLOSED: "Opened a confidential incident to everybody",
    Deed.GLASS_BROKEN: "Broke the glass",
    Deed.READER_ADDED: "Added a responder to a confidential incident",
    Deed.READER_REMOVED: "Took a responder off a confidential incident",
    Deed.SIGN_IN_REFUSED: "Sign-in refused",
    Deed.CODE_REFUSED: "Code refused",
    Deed.PASSKEY_REFUSED: "Passkey refused",
    Deed.LINK_REFUSED: "Link refused",
    Deed.RIGHT_MISSING: "Right missing",
    Deed.FORM_REFUSED: "Form of another origin refused",
    Deed.TOKEN_REFUSED: "Token refused",
}
"""Each in the words of the page."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """One line of the log. `about` is whom or what it was done to, as an id or a handle; `source` is the address it
    came from. A refusal counts how often it came from there within its minute."""

    number: int
    at: datetime
    deed: Deed
    actor: str
    about: str
    detail: str
    source: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What is asked of the log. What is empty is not asked."""

    deed: str = ""  # a deed, or what it was done to: `token` is every `token.…`
    actor: str = ""
    about: str = ""
    source: str = ""
    since: datetime | None = None
    until: datetime | None = None
