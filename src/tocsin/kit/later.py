"""Libraries that few requests need: named where they are used, loaded when something of them is first asked for."""

import importlib.util
import sys
from types import ModuleType


def later(name: str) -> ModuleType:
    """The module of this name, which loads itself at the first look at one of its attributes.

    A missing one is missed at once, as with an import.
    """
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
