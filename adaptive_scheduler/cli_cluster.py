"""Words in, words out: the verbs of many machines."""

import typer

app = typer.Typer(no_args_is_help=True, help="Run tasks on other machines.")
