"""A report as one page of HTML that needs no network: values in, text out.

The page holds its style, its script and its pictures. Its Content-Security-Policy lets nothing else in: the
style and the script count by their hashes, and pictures are data. Whatever comes from files is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from typing import TYPE_CHECKING, Any

from augcli.errors import MissingPartError
from augcli.report.wording import write_share

if TYPE_CHECKING:
    from augcli.report.page import Report

TEMPLATES = "augcli.report", "templates"


def check_jinja() -> None:
    """Refuse to go on without Jinja2.

    Raises:
        MissingPartError: Naming the cure.
    """
    try:
        import jinja2  # noqa: F401
    except ImportError as error:
        raise MissingPartError("Jinja2 is not installed; run: pip install 'augcli[report]'") from error


def render(report: Report) -> str:
    """Return a report as a page."""
    import jinja2
    from markupsafe import Markup

    loader = jinja2.PackageLoader(*TEMPLATES)
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    style, script = (loader.get_source(environment, name)[0] for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; style-src '{hash_source(style)}'; script-src '{hash_source(script)}';"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )
    page = environment.get_template("page.html")
    return page.render(
        report=report, style=Markup(style), script=Markup(script), policy=policy, write_share=write_share
    )


def hash_source(text: str) -> str:
    """Return the hash by which a policy names a style or a script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _finalize(value: Any) -> Any:
    """Return a value as the page shows it: of texts from files, control characters as a sign of their own."""
    if type(value) is not str or value.isprintable():
        return value
    return "".join("\ufffd" if unicodedata.category(char) in ("Cc", "Cs") else char for char in value)
