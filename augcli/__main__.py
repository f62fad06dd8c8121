"""Run the program as `python -m augcli`."""

from augcli.cli import main

main()
