"""What the ``replication`` command may be told: one parser a subcommand, each with an example."""

import argparse
from collections.abc import Callable
from pathlib import Path

from replication import __version__


def _declared(add: Callable[..., argparse.Action]) -> None:
    """Add the option that names another study's file."""
    add(
        "--study",
        type=Path,
        metavar="FILE",
        help="file of another study, after data/study.toml (default: the shipped one)",
    )


def _study(add: Callable[..., argparse.Action]) -> None:
    """Add the options that say which study is simulated."""
    _declared(add)
    add("--seed", type=int, default=2026, help="same seed, same bytes (default: 2026)")
    add(
        "--scale",
        type=float,
        default=1.0,
        metavar="K",
        help="number of universities, in multiples of the study's (default: 1)",
    )
    add(
        "--effect",
        choices=["planted", "uniform", "none"],
        default="planted",
        help="planted: as documented; uniform: one effect for all disciplines, "
        "technologies and forms of exchange; none: exchange does nothing",
    )


def parser() -> argparse.ArgumentParser:
    """Make the parser; `command` of what it returns is the name of the subcommand."""
    top = argparse.ArgumentParser(
        prog="replication",
        description="International exchange and university–firm co-innovation, replicated.",
        epilog="`replication COMMAND --help` explains a command and gives examples.",
    )
    # The longest of these names is what argparse sets the column of explanations by: commands are
    # measured without their indent, so that one of ten letters would have its line broken.
    top.add_argument("-V", "--version", action="version", version=f"replication {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str, example: str) -> Callable[..., argparse.Action]:
        """Add a subcommand; what is returned adds an argument to it."""
        said = f"{text[0].upper()}{text[1:]}."
        sub = commands.add_parser(name, help=text, description=said, epilog=f"example: {example}")
        return sub.add_argument

    add = command(
        "simulate",
        "write simulated records with a known truth",
        "replication simulate --out my-records --seed 7 --effect none",
    )
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the records")
    _study(add)
    add(
        "--pretrend",
        type=float,
        default=0.0,
        metavar="B",
        help="slope a year and SD of exposure in all years: a broken design",
    )
    add("--anticipation", action="store_true", help="half of the effect is there a year early")
    add(
        "--confounder",
        type=float,
        default=0.0,
        metavar="B",
        help="shock after treatment a SD of exposure that is no effect of exchange",
    )

    add = command(
        "ingest",
        "make records of a folder of vendors' exports: patents, papers, the ministry's statistics",
        "replication ingest my-exports --out data/restricted",
    )
    add("folder", type=Path, metavar="DIR", help="folder with the exports, in any mixture")
    add("--out", type=Path, required=True, metavar="RECORDS", help="folder for the records")
    add(
        "--mapping",
        type=Path,
        metavar="FILE",
        help="which column is what, where no vendor is known, and which discipline a category of "
        "papers is of (default: mapping.toml in RECORDS)",
    )
    add(
        "--memory",
        default="2GB",
        metavar="SIZE",
        help="what may be used before it is written to disk (default: 2GB)",
    )

    add = command(
        "validate",
        "look through one table, of records or of a vendor",
        "replication validate exports/2018.csv",
    )
    add("path", type=Path, metavar="FILE")

    add = command(
        "build",
        "make the analysis panel from records",
        "replication build --records my-records --out panel.parquet",
    )
    add(
        "--records",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder with one Parquet file a table (see the codebook)",
    )
    add(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="panel to write; FILE.sample_flow.csv says what became of each record",
    )
    add(
        "--memory",
        default="2GB",
        metavar="SIZE",
        help="memory that the command stays within; what does not fit goes to disk (default: 2GB)",
    )
    add(
        "--backend",
        default="duckdb",
        help="duckdb, or spark with the extra of that name (default: duckdb)",
    )
    _declared(add)

    add = command(
        "truth",
        "compute what is true in a simulated study, claim by claim",
        "replication truth --out truth.csv --draws 500",
    )
    add("--out", type=Path, required=True, metavar="FILE")
    _study(add)
    add(
        "--draws",
        type=int,
        default=500,
        help="draws for the targets that have no closed form (default: 500)",
    )

    add = command(
        "fetch",
        "download the public data of the chapter on open data and check them",
        "replication fetch the evaluation --mirror open-data",
    )
    add(
        "names",
        nargs="*",
        metavar="NAME",
        help="a group (such as leiden) or a file (leiden-2022) of --list, or openalex "
        "(default: all files, without openalex)",
    )
    add(
        "--mirror",
        type=Path,
        metavar="DIR",
        help="folder that holds the files already (default: $REPLICATION_OPEN_DATA); they are "
        "copied to the cache ($REPLICATION_CACHE), so that it is needed once",
    )
    add(
        "--list",
        action="store_true",
        help="fetch nothing: say what each file is, its size, its licence and whether it is here",
    )
    add(
        "--institutions",
        type=Path,
        metavar="FILE",
        help="for openalex: your ids of universities, a CSV with name_zh and openalex_id",
    )
    add("--years", metavar="A-B", help="for openalex: years to count (default: 2011-2022)")

    command("codebook", "make the codebook in data/README.md anew", "replication codebook")

    add = command(
        "run",
        "execute chapters and compare them with what is committed",
        "replication run 01_baseline --update",
    )
    add("names", nargs="*", metavar="NAME", help="chapters (default: all)")
    add("--update", action="store_true", help="keep the new outputs and results")
    add("--jobs", type=int, default=2, help="chapters at a time (default: 2)")
    add("--chapters", nargs="+", metavar="NAME", help="the same as NAME, after other options")
    add(
        "--choices",
        type=Path,
        metavar="FILE",
        help="run under the choices of this file, mark every number and say what moves; the "
        "default are the chapters on the claims; nothing committed is touched",
    )
    _declared(add)
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="for --choices, --study and --source restricted: folder for all of it (default: one "
        "in build/, which git ignores)",
    )
    add(
        "--source",
        choices=["simulated", "restricted"],
        default="simulated",
        help="restricted runs the chapters on a panel of your own records: what is about the "
        "simulated study is left out, small cells are suppressed, nothing committed is touched",
    )
    add(
        "--panel",
        type=Path,
        metavar="FILE",
        help="for --source restricted: panel (default: data/restricted/panel.parquet)",
    )

    add = command(
        "choices",
        "write a file of choices with every row of the register, or check one",
        "replication choices --template paper.toml",
    )
    add("--template", type=Path, metavar="FILE", help="file to write; every row at its default")
    add("--check", type=Path, metavar="FILE", help="file to check")

    add = command(
        "verify",
        "run chapters in a clean copy of what is committed and report on each exhibit",
        "replication verify --chapters 01_baseline --html report.html",
    )
    add("--chapters", nargs="+", metavar="NAME", help="chapters (default: all whose data are here)")
    add("--json", type=Path, metavar="FILE", help="default: build/verification/report.json")
    add("--html", type=Path, metavar="FILE", help="default: build/verification/report.html")
    add("--jobs", type=int, default=2, help="chapters at a time (default: 2)")

    add = command("book", "run all chapters, compare, build and check the site", "replication book")
    add("--jobs", type=int, default=2, help="chapters at a time (default: 2)")

    command("pdf", "print the built site as one PDF, offered on its first page", "replication pdf")

    add = command(
        "claims",
        "estimate and judge the nine claims of the paper's abstract",
        "replication claims --source simulated --json",
    )
    add(
        "--source",
        choices=["simulated", "restricted", "open"],
        default="simulated",
        help="whose panel to use (default: simulated); open is what `replication fetch openalex` "
        "has collected",
    )
    add("--panel", type=Path, metavar="FILE", help="another panel of that source")
    add(
        "--truth",
        type=Path,
        metavar="FILE",
        help="truth of another simulated panel, from `replication truth`",
    )
    add("--json", action="store_true", help="print JSON instead of a table")
    _declared(add)

    add = command(
        "montecarlo",
        "bring the committed studies with universities drawn anew up to date (an hour at most)",
        "replication montecarlo --jobs 4",
    )
    add("--jobs", type=int, default=2, metavar="N", help="processes at a time (default: 2)")
    add(
        "--all",
        action="store_true",
        help="run all studies; without it a sample is run, and all of them only where it differs",
    )

    command(
        "readme",
        "make the generated parts of README.md and the checksums of the deposit anew",
        "replication readme",
    )
    add = command(
        "course",
        "build a course: notebooks to hand out, autograders, a marking scheme",
        "replication course my-course --seed 7",
    )
    add("folder", type=Path, metavar="DIR", help="new folder for the course")
    add("--seed", type=int, default=2026, help="of its data, so that classes differ in the answers")

    add = command(
        "mark",
        "mark a folder of hand-ins with a course's autograders",
        "replication mark hand-ins --course my-course --out marks.csv",
    )
    add("handins", type=Path, metavar="DIR", help="folder of notebooks, in folders or not")
    add("--course", type=Path, required=True, metavar="DIR", help="as `replication course` made it")
    add("--out", type=Path, required=True, metavar="FILE", help="CSV to write: a row a hand-in")
    add("--jobs", type=int, default=2, help="hand-ins at a time (default: 2)")
    add(
        "--limit",
        type=float,
        default=300,
        metavar="SECONDS",
        help="that one hand-in may take before it is stopped, without points (default: 300)",
    )

    return top
