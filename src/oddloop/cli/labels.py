"""Send a round's picks to a labelling tool, and take labels back: which scenes are labelled now, and at what cost."""

from __future__ import annotations

import typer

from oddloop.cli.labels_costs import costs
from oddloop.cli.labels_poll import listen, poll
from oddloop.cli.labels_receive import receive
from oddloop.cli.labels_send import send

app = typer.Typer(no_args_is_help=True, help=__doc__)
for _command in (send, receive, poll, listen, costs):
    app.command()(_command)


@app.callback()
def labels() -> None:
    """Send picks to labelling tools, and take labels back from whoever made them."""
