"""The ``replication`` command: thin, one function a subcommand."""

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path

from replication.config import DATA, ROOT
from replication.errors import ReplicationError


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; an error that a user can mend is one sentence and exit code 1."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except ReplicationError as error:
        said = str(error)
    except OSError as error:
        said = f"{error.filename or ''}: {error.strerror or error}"
    print(f"replication {options.command}: {said}", file=sys.stderr)
    return 1


def _require(possible: bool, message: str) -> None:
    """Refuse an option's value before anything is done with it."""
    if not possible:
        raise ReplicationError(message)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="replication",
        description="International exchange and university–firm co-innovation, replicated.",
        epilog="`replication COMMAND --help` explains a command and gives examples.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str, example: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=f"example: {example}",
        )
        sub.set_defaults(run=run)
        return sub

    sub = command(
        "simulate",
        _simulate,
        "write simulated records with a known truth",
        "replication simulate --out my-records --seed 7 --effect none",
    )
    sub.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the records"
    )
    sub.add_argument("--seed", type=int, default=2026, help="same seed, same bytes (default: 2026)")
    sub.add_argument(
        "--scale",
        type=float,
        default=1.0,
        metavar="K",
        help="number of universities, in multiples of 56 (default: 1)",
    )
    sub.add_argument(
        "--effect",
        choices=["planted", "uniform", "none"],
        default="planted",
        help="planted: as documented; uniform: one effect for all disciplines, "
        "technologies and forms of exchange; none: exchange does nothing",
    )
    sub.add_argument(
        "--pretrend",
        type=float,
        default=0.0,
        metavar="B",
        help="slope a year and SD of exposure in all years: a broken design",
    )
    sub.add_argument(
        "--anticipation", action="store_true", help="half of the effect is there a year early"
    )
    sub.add_argument(
        "--confounder",
        type=float,
        default=0.0,
        metavar="B",
        help="shock after treatment a SD of exposure that is no effect of exchange",
    )

    sub = command(
        "build",
        _build,
        "make the analysis panel from records",
        "replication build --records my-records --out panel.parquet",
    )
    sub.add_argument(
        "--records",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder with one Parquet file a table (see the codebook)",
    )
    sub.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="panel to write; FILE.account.csv says what became of each record",
    )
    sub.add_argument("--backend", default="duckdb", help="Ibis backend (default: duckdb)")

    sub = command(
        "truth",
        _truth,
        "compute what is true in a simulated study, claim by claim",
        "replication truth --out truth.csv --draws 500",
    )
    sub.add_argument("--out", type=Path, required=True, metavar="FILE")
    sub.add_argument("--seed", type=int, default=2026, help="of the study (default: 2026)")
    sub.add_argument(
        "--draws",
        type=int,
        default=500,
        help="draws for the targets that have no closed form (default: 500)",
    )

    sub = command(
        "fetch",
        _fetch,
        "download the public data of the chapter on open data and check them",
        "replication fetch the evaluation --mirror open-data",
    )
    sub.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="a group (the, leiden, bcur, evaluation), a file as --list names it, or openalex "
        "(default: all files, without openalex)",
    )
    sub.add_argument(
        "--mirror",
        type=Path,
        metavar="DIR",
        help="folder that holds the files already (default: $REPLICATION_OPEN_DATA); they are "
        "copied to the cache ($REPLICATION_CACHE), so that it is needed once",
    )
    sub.add_argument(
        "--list",
        action="store_true",
        help="fetch nothing: say what each file is, its size, its licence and whether it is here",
    )
    sub.add_argument(
        "--institutions",
        type=Path,
        metavar="FILE",
        help="for openalex: your ids of universities, a CSV with name_zh and openalex_id",
    )
    sub.add_argument(
        "--years", metavar="A-B", help="for openalex: years to count (default: 2011-2022)"
    )

    command("codebook", _codebook, "print data/README.md from the schema", "replication codebook")

    sub = command(
        "run",
        _run,
        "execute chapters and compare them with what is committed",
        "replication run 01_baseline --update",
    )
    sub.add_argument("names", nargs="*", metavar="NAME", help="chapters (default: all)")
    sub.add_argument("--update", action="store_true", help="keep the new outputs and results")
    sub.add_argument("--jobs", type=int, default=2, help="chapters at a time (default: 2)")

    sub = command(
        "book", _book, "run all chapters, compare, build and check the site", "replication book"
    )
    sub.add_argument("--jobs", type=int, default=2, help="chapters at a time (default: 2)")

    sub = command(
        "claims",
        _claims,
        "estimate and judge the nine claims of the paper's abstract",
        "replication claims --source simulated --json",
    )
    sub.add_argument(
        "--source",
        choices=["simulated", "restricted", "open"],
        default="simulated",
        help="whose panel to use (default: simulated); open is what `replication fetch openalex` "
        "has collected",
    )
    sub.add_argument("--panel", type=Path, metavar="FILE", help="another panel of that source")
    sub.add_argument(
        "--truth",
        type=Path,
        metavar="FILE",
        help="truth of another simulated panel, from `replication truth`",
    )
    sub.add_argument("--json", action="store_true", help="print JSON instead of a table")

    command("readme", _readme, "make the generated parts of README.md anew", "replication readme")
    return parser


def _simulate(options: argparse.Namespace) -> None:
    from replication.simulate.records import records
    from replication.simulate.study import Process, simulate

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
    options.out.mkdir(parents=True, exist_ok=True)
    for name, table in records(simulate(process, options.seed), options.seed).items():
        table.to_parquet(options.out / f"{name}.parquet", index=False)
        print(f"{options.out / name}.parquet: {len(table):,} rows")


def _build(options: argparse.Namespace) -> None:
    from replication.panel.build import build_panel, read_records

    _require(not options.out.is_dir(), f"--out {options.out} is a folder: name a file in it")
    panel, account = build_panel(read_records(options.records), backend=options.backend)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    panel.to_parquet(options.out, index=False)
    account.to_csv(options.out.with_suffix(".account.csv"), index=False, lineterminator="\n")
    print(account.to_string(index=False))
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
        from replication.records.open.openalex import fetch_command

        fetch_command(options)


def _codebook(options: argparse.Namespace) -> None:
    from replication.page import codebook

    for path in codebook.write(DATA):
        print(path.relative_to(ROOT))


def _run(options: argparse.Namespace) -> int:
    from replication.page import chapters

    _require(options.jobs >= 1, f"--jobs {options.jobs}: at least 1 is needed")
    outcome = chapters.run(options.names, keep=options.update, jobs=options.jobs)
    for line in outcome.differences:
        print(line)
    if not options.update:
        print(outcome.verdict)
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
        print(table.reset_index().to_json(orient="records", indent=1, force_ascii=False))
        return
    with pd.option_context("display.width", 200, "display.max_columns", None):
        shown = table.drop(columns=[] if table["reason"].any() else ["reason"])
        print(shown.to_string(float_format="{:.3f}".format, na_rep=""))
    print(f"source: {options.source}; 95 % intervals; p_adjusted by Holm within a family")


def _readme(options: argparse.Namespace) -> None:
    from replication.page import readme

    readme.write()


if __name__ == "__main__":
    sys.exit(main())
