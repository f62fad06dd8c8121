"""Faults of object stores as `StorageError`s: one line that says what failed, where, why, and the cure."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from augcli.errors import InputError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Result = TypeVar("Result")

CREDENTIALS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE with boto3 installed",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth application-default login`",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or AZURE_USE_AZURE_CLI=true",
    "hf": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to S3 credentials of a token of Hugging Face",
    "memory": "",
}
"""How each store gets its credentials."""

AGAIN = "run again to go on"

BAD_NAME = r"InvalidPath|Could not parse path|UnicodeEncodeError"
"""By what a name is known that obstore cannot ask for."""

NAMED = r'[Pp]ath "(.*?)"(?: contained|:)'
"""How obstore names it, where it does."""

FAULTS = (
    (r"NoSuchBucket|ContainerNotFound", "the bucket does not exist", "correct its name, or make it"),
    (r"^FileNotFoundError", "it does not exist", "see to it that nobody removes it, and run again"),
    (r"Missing(AccessKeyId|SecretAccessKey)|token request|MissingAccount|Account must be specified"
     r"|credential_provider|external credential", "no credentials", "{credentials}"),
    (r"PermissionDenied|AccessDenied|403 Forbidden", "access is denied (403)",
     "use credentials that may {verb} there"),
    (r"Unauthenticated|401 Unauthorized", "the credentials are not accepted (401)", "{credentials}"),
    (r"BareRedirect|PermanentRedirect", "the bucket lies in another region", "set AWS_REGION"),
    (BAD_NAME, "{key} has an empty part, `.`, `..`, a control character or what is not UTF-8",
     "rename it"),
    (r"MissingEtag|InvalidListResponse|NotPartial|invalid list response|404 Not Found|405 Method Not Allowed",
     "the server does not answer as {scheme}:// does", "correct the endpoint"),
    (r"kind: Connect\b|dns error", "the server cannot be reached", "check the network and the endpoint"),
    (r"503 Service|SlowDown|429 Too Many", "the store turns requests away (503)",
     "run again later, or with fewer workers"),
    (r"TimedOut|timed out|operation timed out", "the store does not answer in time", AGAIN),
    (r"HttpError", "the connection broke off", AGAIN),
)  # fmt: skip
"""By what a fault is known in the words of obstore, what it is, and the cure."""


PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
"""How long it is waited before a request is sent again whose connection broke off."""


def retried(work: Callable[[], Result]) -> Result:
    """Call a function again as long as connections break off: obstore repeats most requests, but not all.

    It leaves to us those which do more than to put a file, and pages of a listing that came in part.
    """
    for pause in PAUSES_S:
        try:
            return work()
        except Exception as error:
            if not is_of_store(error) or not re.search(r"HttpError(?!.*kind: Connect\b)", str(error), re.S):
                raise
        time.sleep(pause)
    return work()


@contextmanager
def object_errors(doing: str, name: str, scheme: str) -> Iterator[None]:
    """Turn what obstore raises into a `StorageError`, and a name that no object has into an `InputError`.

    A `ValueError` of another cause is a fault of ours, and passes.

    Args:
        doing: The verb for the message: `read`, `write`, `list`, `remove`.
        name: To what, as users write it.
        scheme: What kind of store it is.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, StorageError) or not is_of_store(error):
            raise
        if isinstance(error, ValueError) and not is_known(error):
            raise
        if re.search(BAD_NAME, f"{type(error).__name__}: {error}"):
            raise InputError(f"cannot {doing} {name!r}: {describe_fault(error, doing, scheme)}") from error
        cause = _plain_cause(error, describe_fault(error, doing, scheme))
        raise StorageError(f"cannot {doing} {name!r}: {cause}") from cause


def is_known(error: BaseException) -> bool:
    """True if `FAULTS` knows an error by its words."""
    text = f"{type(error).__name__}: {error}"
    return any(re.search(sign, text) for sign, _, _ in FAULTS)


def is_of_store(error: BaseException) -> bool:
    """True if obstore raised an error: its own, or Python's for a missing object or a bad name."""
    module = type(error).__module__
    return module.startswith("obstore") or isinstance(error, OSError | ValueError)


def _plain_cause(error: Exception, words: str) -> OSError:
    """Return an error of the system in the place of obstore's, whose words go on for many lines."""
    cause = FileNotFoundError(words) if isinstance(error, FileNotFoundError) else OSError(words)
    cause.__cause__ = error
    return cause


def describe_fault(error: BaseException, verb: str, scheme: str) -> str:
    """Return what went wrong in words, and the cure."""
    text = f"{type(error).__name__}: {error}"
    for sign, what, cure in FAULTS:
        if re.search(sign, text):
            named = re.search(NAMED, text)
            key = repr(named[1]) if named else "a name there"
            words = {"credentials": CREDENTIALS[scheme], "verb": verb, "scheme": scheme, "key": key}
            return f"{what}; {cure}".format(**words)
    said = re.search(r"<Message>([^<]*)</Message>", text)
    return f"{said[1] if said else _first_line(str(error))}; {AGAIN}"


def _first_line(text: str) -> str:
    """Return the first line of what obstore says, without where it was in its own code."""
    return (text.splitlines() or ["unknown fault"])[0].partition(" in ")[0][:200]
