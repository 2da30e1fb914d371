"""A round and labelling tools: send its picks, take back what was labelled."""

from oddloop.rounds.labelling.files import receive_file
from oddloop.rounds.labelling.receive import Taken
from oddloop.rounds.labelling.remote import pull, send_to
from oddloop.rounds.labelling.send import Sending, send_files

__all__ = ["Sending", "Taken", "pull", "receive_file", "send_files", "send_to"]
