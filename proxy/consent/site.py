"""What pages and forms of consent must know of the shop that they stand on, and when a visitor must be asked. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

from proxy.catalogue.use import InUse
from proxy.consent.pages import Look, shipped
from proxy.decide import Grounds, decide_all
from proxy.model import Consent, Law, Reason, Standing
from proxy.settings.schema import Controller, Settings


@dataclass(frozen=True)
class Site:
    """One shop. `origin` is ours, without a slash at its end; every URL that we emit starts with it.

    `domain` is set where subdomains share the consent cookie; `remember_days` is how long a choice holds; `records` is
    what its records are kept under, the same by whichever of its hosts it is asked, and `keep` how long. `age` is the
    youngest that the shop is for; `prevails` the language whose text holds where translations differ; `processed_in`
    the country where addresses are shortened (ISO 3166-1). Two sites are equal where their pages are, so that rendered
    pages can be remembered by site.
    """

    origin: str
    use: InUse = field(compare=False)
    controller: Controller | None = None
    prefix: str = "/_consent"
    remember_days: int = 182
    domain: str | None = None
    records: str = ""
    keep: str = "3 years"
    age: int | None = None
    prevails: str | None = None
    processed_in: str | None = None
    look: Look = field(default_factory=shipped, compare=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", self.use.digest + self.look.digest)

    @property
    def preferences(self) -> str:
        """The address of the preferences page, which is also where a choice is posted."""
        return self.origin + self.prefix

    @cached_property
    def optional(self) -> frozenset[str]:
        """The keys of vendors that visitors are asked about."""
        return frozenset(key for key, vendor in self.use.vendors.items() if not vendor.essential)

    @property
    def name(self) -> str:
        """What visitors know the shop by: its controller, or its host."""
        return self.controller.name if self.controller else self.origin.partition("://")[2]

    def days(self, law: Law) -> int:
        """How long a choice holds."""
        return law.remember_days or self.remember_days

    def until(self, consent: Consent, law: Law) -> date | None:
        """The day from which the visitor is asked again; None: never."""
        if not law.lapses and consent.refuses_any(self.use.asked):
            return None
        return consent.day + timedelta(days=self.days(law))

    def policy(self, law: Law) -> str | None:
        """The address of the privacy policy, absolute: the law's own, else the controller's."""
        policy = law.policy or (self.controller.privacy_policy if self.controller else None)
        return self.origin + policy if policy and policy.startswith("/") else policy


def site_of(settings: Settings, use: InUse, look: Look, origin: str) -> Site:
    """The site that the settings describe. `origin`: the configured one, or in development that of the request."""
    consent = settings.consent
    return Site(
        origin,
        use,
        settings.controller,
        consent.prefix,
        consent.remember_days,
        consent.domain,
        settings.identity or origin,
        settings.records.keep,
        consent.age,
        consent.prevails,
        settings.privacy.processed_in,
        look,
    )


def must_ask(use: InUse, standing: Standing, law: Law, gpc: bool) -> bool:
    """Whether a banner is due: nothing chosen yet where the law asks for a choice, a doubt, or a vendor newer than it.

    Where a link is enough nobody is asked before they object; a doubt is asked about everywhere. Where no vendor in use
    is optional there is nothing to ask.
    """
    if standing.doubt is None and not law.banner:
        return False
    if standing.consent is None:
        return any(not vendor.essential for vendor in use.vendors.values())
    decisions = decide_all(use.vendors.values(), Grounds(standing, law, gpc))
    return any(decision.reason is Reason.NEWER for decision in decisions.values())
