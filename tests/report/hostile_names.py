"""Names that would do something in a page that took them for anything but text."""

from __future__ import annotations

NAMES = (
    "<script>window.planted = 1</script>",
    "</style><script>window.planted = 2</script>",
    "</script><script>window.planted = 3</script>",
    "<img src=x onerror=window.planted=4>",
    '"><svg onload=window.planted=5>',
    "' onmouseover='window.planted=6",
    '" autofocus onfocus="window.planted=7',
    "javascript:window.planted=8",
    "{{ 7 * 7 }}",
    "{% raw %}{{ cycler }}{% endraw %}",
    "${window.planted = 9}",
    "<!-- --!>",
    "]]><x>",
    "&lt;b&gt; &amp; &#60;i&#62;",
    "</title><h1>done</h1>",
    "<base href=http://example.invalid/>",
    "<meta http-equiv=refresh content=0>",
    "<iframe srcdoc='<script>parent.planted=10</script>'>",
    "\u202egnp.exe\u202c",
    "شجرة",
    "ab\u0007cd",
    "n" * 255,
)
"""Twenty that are planted as classes, and two as long or as strange as a name may be."""
