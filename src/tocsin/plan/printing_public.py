"""How the public status page looks, in the printed plan."""

from tocsin.plan.markdown import Blocks, address, block, bullets, code, items, plain, statement
from tocsin.plan.model import Plan


def page(plan: Plan) -> Blocks:
    found = plan.status_page
    if found is None:
        return
    yield "## The public status page"
    told = {
        "name": f"It is called {plain(found.name)}." if found.name else "",
        "language": f"Whoever asks for no language reads its own words in {code(found.language)}.",
        "home": f"It is about what stands at {address(found.home)}." if found.home else "",
        "support": f"People find help at {address(found.support)}." if found.support else "",
        "colours.light": f"Its colour on a light ground is {code(found.colours.light)}.",
        "colours.dark": f"Its colour on a dark ground is {code(found.colours.dark)}.",
    }
    yield from bullets(statement(said, f"status_page.{key}") for key, said in told.items() if said)
    for name, members in found.groups.items():
        yield from items(f"Under {plain(name)} stand", members, f"status_page.groups.{name}")
    if found.logo:
        yield from bullets([statement("Its logo", "status_page.logo")])
        yield block(found.logo)
