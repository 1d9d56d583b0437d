"""The ``replication`` command: thin, one function a subcommand."""

import argparse
import codecs
import io
import math
import sys
from dataclasses import replace

from replication.arguments import parser
from replication.config import DATA, ROOT
from replication.errors import ReplicationError


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; an error that a user can correct is one sentence and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        _print_anything(stream)
    options = parser().parse_args(arguments)
    try:
        return int(COMMANDS[options.command](options) or 0)
    except ReplicationError as error:
        said = str(error)
    except OSError as error:
        said = f"{error.filename or ''}: {error.strerror or error}"
    print(f"replication {options.command}: {said}", file=sys.stderr)
    return 1


def _print_anything(stream: object) -> None:
    """Let a stream print every character: in UTF-8, or as an escape where its code page has none.

    ASCII is what Python falls back to where no language is set; UTF-8 says the same and more. Names
    of files that are no text pass through as the bytes they are.
    """
    if isinstance(stream, io.TextIOWrapper):
        if codecs.lookup(stream.encoding).name in ("ascii", "utf-8"):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")
        else:
            stream.reconfigure(errors="backslashreplace")


def _require(possible: bool, message: str) -> None:
    """Refuse an option's value before anything is done with it."""
    if not possible:
        raise ReplicationError(message)


def _simulate(options: argparse.Namespace) -> None:
    from replication.records.manifest import table_path, write_records
    from replication.simulate.process import Process
    from replication.simulate.records import simulate_records
    from replication.simulate.study import simulate

    _require(not options.out.is_file(), f"--out {options.out} is a file: name a folder")
    _require(options.seed >= 0, f"--seed {options.seed}: a seed is 0 or more")
    process = Process()
    universities = process.universities * options.scale
    _require(
        2 <= universities < math.inf,
        f"--scale {options.scale:g} makes {universities:g} universities: at least 2 are needed",
    )
    if options.effect == "none":
        process = process.without_effect()
    if options.effect == "uniform":
        process = process.without_heterogeneity()
    process = replace(
        process,
        universities=round(universities),
        pretrend=options.pretrend,
        anticipation=0.5 if options.anticipation else 0.0,
        confounder=options.confounder,
    )
    tables = simulate_records(simulate(process, options.seed), options.seed)
    write_records(options.out, tables, process, options.seed)
    for name, table in tables.items():
        print(f"{table_path(options.out, name)}: {len(table):,} rows")


def _build(options: argparse.Namespace) -> None:
    from replication.panel.build import build_panel, read_records
    from replication.records.manifest import flow_path, require_own_panel

    _require(not options.out.is_dir(), f"--out {options.out} is a folder: name a file in it")
    require_own_panel(options.out, options.records)
    panel, flow = build_panel(read_records(options.records), backend=options.backend)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    panel.to_parquet(options.out, index=False)
    flow.to_csv(flow_path(options.out), index=False, lineterminator="\n")
    print(flow.to_string(index=False))
    print(f"{options.out}: {len(panel):,} rows")


def _truth(options: argparse.Namespace) -> None:
    from replication.montecarlo.truth import truth
    from replication.simulate.study import simulate

    _require(options.seed >= 0, f"--seed {options.seed}: a seed is 0 or more")
    _require(options.draws >= 0, f"--draws {options.draws}: 0 or more are possible")
    _require(not options.out.is_dir(), f"--out {options.out} is a folder: name a file in it")
    print(f"the claims, then {options.draws} draws", flush=True)
    frame = truth(simulate(seed=options.seed), draws=options.draws)
    frame.to_csv(options.out, lineterminator="\n")
    print(frame.to_string())


def _fetch(options: argparse.Namespace) -> None:
    from replication.records.open import download

    files = [name for name in options.names if name != "openalex"]
    if options.list:
        print(download.listing(files, options.mirror) if files or not options.names else "", end="")
        if "openalex" in options.names:
            panel = download.cache_folder() / "openalex" / "panel.parquet"
            print(f"openalex: {panel if panel.is_file() else 'not collected here'}")
        return
    _require(
        "openalex" in options.names or not (options.years or options.institutions),
        "--years and --institutions are for openalex: name it, or leave them out",
    )
    if files or not options.names:
        for path in download.fetch(files, options.mirror, progress=sys.stderr.isatty()):
            print(path)
    if "openalex" in options.names:
        from replication.panel.openalex_collect import fetch_command

        fetch_command(options)


def _codebook(options: argparse.Namespace) -> None:
    from replication.page import readme

    path = DATA / "README.md"
    readme.write(path, readme.DATA_PARTS)
    print(path.relative_to(ROOT))


def _run(options: argparse.Namespace) -> int:
    from replication.page import chapters

    _require(options.jobs >= 1, f"--jobs {options.jobs}: at least 1 is needed")
    outcome = chapters.run(options.names, keep=options.update, jobs=options.jobs)
    for line in outcome.differences:
        print(line)
    if not options.update:
        print(outcome.verdict)
    for line in outcome.gaps:
        print(line)
    return 1 if outcome.differences else 0


def _book(options: argparse.Namespace) -> int:
    from replication.page import book

    _require(options.jobs >= 1, f"--jobs {options.jobs}: at least 1 is needed")
    return book.make(jobs=options.jobs)


def _claims(options: argparse.Namespace) -> None:
    import pandas as pd

    from replication.estimate.claims import evaluate
    from replication.panel.load import load_panel, load_truth

    panel = load_panel(options.source, options.panel, partial=True)
    truth = None
    if options.source == "simulated":
        known = load_truth(options.truth) if options.truth else load_truth()
        truth = known.xs("mean", level="target")["value"]
    table = evaluate(panel, options.source, truth)
    if options.json:
        print(table.reset_index().to_json(orient="records", indent=1))
        return
    with pd.option_context("display.width", 200, "display.max_columns", None):
        shown = table.drop(columns=[] if table["reason"].any() else ["reason"])
        print(shown.to_string(float_format="{:.3f}".format, na_rep=""))
    print(f"source: {options.source}; 95 % intervals; p_adjusted by Holm within a family")


def _readme(options: argparse.Namespace) -> None:
    from replication.page import readme

    readme.write()


COMMANDS = {
    "simulate": _simulate,
    "build": _build,
    "truth": _truth,
    "fetch": _fetch,
    "codebook": _codebook,
    "run": _run,
    "book": _book,
    "claims": _claims,
    "readme": _readme,
}


if __name__ == "__main__":
    sys.exit(main())
