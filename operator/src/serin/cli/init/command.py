"""The command ``serin init``."""

from __future__ import annotations

from typing import Annotated

import typer

from serin.cli.console import NamespaceOption, Output, OutputOption, note, one_line, show
from serin.cli.live.commands import ContextOption
from serin.cli.where import Where
from serin.errors import ClusterError, InvalidInput


def register(app: typer.Typer) -> None:
    """Adds the command to the command line."""
    app.command()(init)


def init(  # noqa: PLR0917 - one parameter an option
    source: Annotated[
        str | None, typer.Option("--from", help="One that runs: isvc/NAME, or a file with an InferenceService (YAML).")
    ] = None,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    name: Annotated[
        str | None, typer.Option(help="The ModelDeployment's name; of one that runs NAME-live by default.")
    ] = None,
    version: Annotated[str, typer.Option(help="Your name for the first version.")] = "1",
    model: Annotated[
        str | None, typer.Option("--source", help="A new model: its URI, or the image of a server that has it.")
    ] = None,
    model_format: Annotated[
        str | None, typer.Option("--format", help="Its format, as KServe names it: sklearn, onnx …")
    ] = None,
    hostname: Annotated[
        list[str] | None, typer.Option(help="Clients' hostnames; of one that runs those of KServe's own route.")
    ] = None,
    gateway: Annotated[
        str | None, typer.Option(help="NAMESPACE/NAME of the Gateway; of one that runs that of KServe's own route.")
    ] = None,
    rps: Annotated[str | None, typer.Option(help="Requests per second: the steps are made for so many.")] = None,
    latency: Annotated[
        str | None, typer.Option(help="An answer is slow beyond this: 500ms. Default: not judged.")
    ] = None,
    output: OutputOption = Output.YAML,
) -> None:
    """Writes a first ModelDeployment and PromotionPolicy: of a running InferenceService, or of a new model.

    With --from it adopts what runs. Without, it asks at a terminal for what the options do not say. Nothing is applied.
    """
    from serin.api.files.write import yaml_of
    from serin.cli.init import answers, from_answers, from_service

    with one_line():
        where = Where(namespace, context)
        if source is not None:
            if model is not None or model_format is not None:
                raise InvalidInput("--source and --format are for a new model; --from has both from what runs")
            traffic = answers.read("rps", rps), answers.read("threshold", latency)
            wishes = from_service.Wishes(name, version, tuple(hostname or ()), gateway, *traffic)
            documents, notes = from_service.manifests(from_service.read(source, where), wishes)
        else:
            given = {
                "name": name,
                "source": model,
                "model_format": model_format,
                "hostnames": ",".join(hostname) if hostname else None,
                "gateway": gateway,
                "rps": rps,
                "threshold": latency,
            }
            documents, notes = from_answers.manifests(answers.answers(given, version), _namespace(where))
        if output is Output.JSON:
            show({"apiVersion": "v1", "kind": "List", "items": documents}, output, ())
        else:
            typer.echo(yaml_of(documents), nl=False)
        for each in notes:
            note(each)


def _namespace(where: Where) -> str:
    """That of the kubeconfig where none is given; a model can be described without a cluster."""
    try:
        return where.namespace
    except ClusterError:
        if where.context is not None:
            raise
        return "default"
