"""The texts of the pages, by language."""

from oddloop.web.messages.catalogue import Messages, load_messages
from oddloop.web.messages.sentences import Sentences, load_sentences

__all__ = ["Messages", "Sentences", "load_messages", "load_sentences"]
