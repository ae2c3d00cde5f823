"""Keys that somebody presses while something is shown, on a terminal that tells them one by one."""

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

if sys.platform != "win32":
    import termios
    import tty

Wait = Callable[[float], str]


@contextmanager
def heard() -> Iterator[Wait]:
    """What waits so many seconds for a key and returns it, or nothing. A key is not shown, and Ctrl-C still stops."""
    if sys.platform == "win32" or not sys.stdin.isatty():
        yield _deaf
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin, termios.TCSADRAIN)
        yield _heard
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


@contextmanager
def laid_aside(leave: Callable[[], object], come_back: Callable[[], object]) -> Iterator[None]:
    """Leave the terminal as it was while somebody has stopped us with Ctrl-Z, and take it again when we go on."""
    if sys.platform == "win32" or not sys.stdin.isatty():
        yield
        return

    def stop(number: int, _: object) -> None:
        ours = termios.tcgetattr(sys.stdin)
        leave()
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # here we stand still until somebody says `fg`
        signal.signal(number, stop)
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, ours)
        come_back()

    before = termios.tcgetattr(sys.stdin)
    known = signal.signal(signal.SIGTSTP, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, known)


def _heard(seconds: float) -> str:
    pressed, _, _ = select.select([sys.stdin], [], [], seconds)
    return os.read(sys.stdin.fileno(), 1).decode(errors="replace") if pressed else ""


def _deaf(seconds: float) -> str:
    time.sleep(seconds)
    return ""
