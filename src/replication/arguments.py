"""What the ``replication`` command may be told: one parser a subcommand, each with an example."""

import argparse
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """Make the parser; `command` of what it returns is the name of the subcommand."""
    top = argparse.ArgumentParser(
        prog="replication",
        description="International exchange and university–firm co-innovation, replicated.",
        epilog="`replication COMMAND --help` explains a command and gives examples.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str, example: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=f"example: {example}",
        )

    sub = command(
        "simulate",
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
        help="panel to write; FILE.sample_flow.csv says what became of each record",
    )
    sub.add_argument("--backend", default="duckdb", help="Ibis backend (default: duckdb)")

    sub = command(
        "truth",
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
        "download the public data of the chapter on open data and check them",
        "replication fetch the evaluation --mirror open-data",
    )
    sub.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="a group (such as leiden) or a file (leiden-2022) of --list, or openalex "
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

    command("codebook", "print data/README.md from the schema", "replication codebook")

    sub = command(
        "run",
        "execute chapters and compare them with what is committed",
        "replication run 01_baseline --update",
    )
    sub.add_argument("names", nargs="*", metavar="NAME", help="chapters (default: all)")
    sub.add_argument("--update", action="store_true", help="keep the new outputs and results")
    sub.add_argument("--jobs", type=int, default=2, help="chapters at a time (default: 2)")

    sub = command("book", "run all chapters, compare, build and check the site", "replication book")
    sub.add_argument("--jobs", type=int, default=2, help="chapters at a time (default: 2)")

    sub = command(
        "claims",
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

    command("readme", "make the generated parts of README.md anew", "replication readme")
    return top
