"""Sentences of stages and of the ledger on a page."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from oddloop.web.messages import Messages, load_sentences

_CODE = re.compile("`([^`]+)`")


def said(text: str, t: Messages) -> Markup:
    """A sentence in the reader's language where it is known in it, else marked as English; `code` looks like code.

    >>> said("set `splits` in <b>", Messages("en", {}))
    Markup('set <code>splits</code> in &lt;b&gt;')
    >>> said("never heard", Messages("ja", {}))
    Markup('<span lang="en">never heard</span>')
    """
    sentences = load_sentences(t.lang)
    found = sentences.find(text) if sentences and text else text
    shown = Markup(_CODE.sub(r"<code>\1</code>", str(escape(text if found is None else found))))  # noqa: S704 - escaped
    return shown if found is not None else Markup('<span lang="en">{}</span>').format(shown)
