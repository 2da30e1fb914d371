"""The texts of the pages, by language."""

from oddloop.web.messages.catalogue import Messages, load_messages

__all__ = ["Messages", "load_messages"]
