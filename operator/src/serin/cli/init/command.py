"""The command ``serin init``."""

from __future__ import annotations

from typing import Annotated

import typer

from serin.cli.console import NamespaceOption, Output, note, one_line, show
from serin.cli.live.commands import ContextOption
from serin.cli.where import Where
from serin.errors import ClusterError, InvalidInput

LONGEST_TOLD = 400


def register(app: typer.Typer) -> None:
    """Adds the command to the command line."""
    app.command()(init)


def init(  # noqa: PLR0917 - one parameter an option
    source: Annotated[
        str | None,
        typer.Option("--from", help="Adopt a service: isvc/NAME, or a file with an InferenceService."),
    ] = None,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    name: Annotated[
        str | None, typer.Option(help="The ModelDeployment's name; with --from NAME-live by default.")
    ] = None,
    version: Annotated[str, typer.Option(help="Your name for the first version.")] = "1",
    model: Annotated[
        str | None, typer.Option("--source", help="A new model: its URI, or the image of a server that has it.")
    ] = None,
    model_format: Annotated[
        str | None, typer.Option("--format", help="The format of a URI, as KServe names it: sklearn, onnx …")
    ] = None,
    hostname: Annotated[
        list[str] | None,
        typer.Option(help="A host that clients ask; may be given again. With --from those of KServe's own route."),
    ] = None,
    gateway: Annotated[
        str | None, typer.Option(help="NAMESPACE/NAME of the Gateway; with --from that of KServe's own route.")
    ] = None,
    rps: Annotated[
        str | None, typer.Option(help="Requests per second, for which the steps are made; - if nobody knows.")
    ] = None,
    latency: Annotated[
        str | None, typer.Option(help="An answer is slow beyond this, such as 500ms; - is not judged, the default.")
    ] = None,
    output: Annotated[
        Output, typer.Option("--output", "-o", help="yaml (table is the same), or json: a List.")
    ] = Output.YAML,
) -> None:
    """Writes a first ModelDeployment and PromotionPolicy: of a running InferenceService, or of a new model.

    With --from it adopts what runs. Without, it asks at a terminal for what the options do not say. Nothing is applied:
    serin init > fraud.yaml && serin lint fraud.yaml && kubectl apply -f fraud.yaml
    """
    from serin.api.files.write import yaml_of
    from serin.cli.init import answers, checked, from_answers, from_service

    with one_line():
        where = Where(answers.read("namespace", namespace), context)
        answers.read("version", version)
        given = {
            "name": name,
            "source": model,
            "model_format": model_format,
            "hostnames": ",".join(hostname) if hostname else None,
            "gateway": gateway,
            "rps": rps,
            "threshold": latency,
        }
        if source is not None:
            if model is not None or model_format is not None:
                raise InvalidInput("--source and --format are for a new model; --from has both from what runs")
            known = {key: answers.read(key, text) for key, text in given.items()}
            wishes = from_service.Wishes(
                known["name"], version, known["hostnames"] or (), known["gateway"], known["rps"], known["threshold"]
            )
            documents, notes = from_service.manifests(from_service.read(source, where), wishes)
            notes += checked.findings(documents, known["rps"])
        else:
            place, told = _namespace(where)
            found = answers.answers(given, version)
            documents, notes = from_answers.manifests(found, place)
            notes = [*told, *notes, *checked.without_errors(documents, found.rps)]
        if output is Output.JSON:
            show({"apiVersion": "v1", "kind": "List", "items": documents}, output, ())
        else:
            typer.echo(yaml_of(documents), nl=False)
        for each in notes:
            note(each, LONGEST_TOLD)


def _namespace(where: Where) -> tuple[str, list[str]]:
    """That of the kubeconfig where none is given, and a note; a model can be described without a cluster.

    It is looked up before anything is asked: nobody answers for nothing.
    """
    try:
        return where.namespace, []
    except ClusterError as error:
        if where.context is not None:
            raise
        return "default", [f"namespace default, since no kubeconfig says one: {error}; give -n for another"]
