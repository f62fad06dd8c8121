"""What can go wrong, and the exit code of each.

AugcliError                   1   a bug of ours, when nothing narrower fits
├── UsageError                2   a value, an option or a recipe that is not accepted
│   └── PlanError             2   a step or an argument of a Python function outside its range
├── InputError                4   the input is missing, empty or unreadable
│   └── DecodeError           4   one sample that cannot be decoded (a run records it and goes on)
├── OutputError               5   DST holds something else, overlaps SRC, or is in use
├── StorageError              7   the machine failed: disk full, no permission, a file vanished
└── MissingPartError          8   an optional package or a device is not there
"""


class AugcliError(Exception):
    """Any error that augcli raises on purpose; the message is one line with the cure."""

    exit_code = 1


class UsageError(AugcliError):
    """A value, an option or a recipe is not accepted."""

    exit_code = 2


class PlanError(UsageError):
    """A step or an argument lies outside its range."""


class InputError(AugcliError):
    """The input is missing, empty or unreadable."""

    exit_code = 4


class DecodeError(InputError):
    """A sample's bytes cannot be turned into pixels; a property of the data."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class OutputError(AugcliError):
    """The destination holds something else, overlaps the source, or is in use."""

    exit_code = 5


class StorageError(AugcliError):
    """The machine failed, not the data: disk full, no permission, a file that changed."""

    exit_code = 7


class MissingPartError(AugcliError):
    """An optional package or a device is missing."""

    exit_code = 8
