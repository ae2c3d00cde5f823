"""The rehearsal at any free ports, so that another may run beside it: `python -m tools.rehearsal ROSE_PORT`."""

import sys

from tocsin.rehearsal.serve import RehearsalSettings
from tocsin.rehearse import run_with_server

if __name__ == "__main__":
    run_with_server(RehearsalSettings(control_port=0, rose_port=int(sys.argv[1]), smtp_port=0))
