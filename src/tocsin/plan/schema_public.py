"""What the keys mean that say how the public status page looks."""

from collections.abc import Mapping

PUBLIC: Mapping[str, str] = {
    "Plan.status_page": "How the public status page looks.",
    "StatusPage": (
        "Under `status_page`. How the public status page looks and what it is called. What people post on it stays as "
        "they wrote it."
    ),
    "StatusPage.name": "What the page is called. Without it, what the plan is called.",
    "StatusPage.logo": "A drawing: the text of an SVG that only draws, up to 8,000 letters. It is the page's icon too.",
    "StatusPage.colours": "The page's own colour, on each ground.",
    "StatusPage.home": "The address of what the page is about: the logo and the name lead there.",
    "StatusPage.support": "Where people find help: an address of the web, or `mailto:` and one of mail.",
    "StatusPage.language": (
        "The language of the page's own words for whoever asks for none. Everybody else reads them in their own."
    ),
    "StatusPage.groups": (
        "Headings, and what stands under each: services, or components as `service.component`. Without them, each "
        "service is a heading over its components, once there is more than one service."
    ),
    "Colours": (
        "Under `status_page.colours`. The colour of links, of the current step and of what has the focus. Each shade "
        "has a contrast of at least 4.5 to its ground, or `plan check` refuses it."
    ),
    "Colours.light": "On the light page, like `#1858a8`.",
    "Colours.dark": "On the dark page, like `#84b6f7`.",
}
