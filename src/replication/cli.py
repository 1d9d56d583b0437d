"""The ``replication`` command: thin, one function a subcommand."""

import argparse
import codecs
import io
import os
import sys
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from replication.arguments import parser
from replication.config import DATA, INSTALLED, ROOT, environment
from replication.errors import ReplicationError

if TYPE_CHECKING:
    from replication.simulate.process import Process

MOST_UNIVERSITIES = {"simulate": 150 * 56, "truth": 20 * 56}
"""Of a study: numbers of its events within 2 GB; for its truth, some are held many times over."""
GROWS = "it adds to the log of every count, and what is beyond would fill the memory with records"


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; an error that a user can correct is one sentence and exit status 2."""
    for stream in (sys.stdout, sys.stderr):
        _print_anything(stream)
    options = parser().parse_args(arguments)
    try:
        _require(
            not (INSTALLED and options.command in OF_THE_PROJECT),
            "this works in the project's folder: clone it or unpack its deposit, set it up there "
            "with `python tools/setup.py`, and run its own `replication`",
        )
        with _in_force(options):
            return int(COMMANDS[options.command](options) or 0)
    except ReplicationError as error:
        status, said = 2, str(error)
    except OSError as error:
        status, said = 2, f"{error.filename or ''}: {error.strerror or error}"
    except KeyboardInterrupt:
        status, said = 130, "interrupted; what it would have written is as it was"
    print(f"replication {options.command}: {said}", file=sys.stderr)
    return status


def _in_force(options: argparse.Namespace) -> AbstractContextManager[None]:
    """Put the study and the choices that a command was told in force, checked before it begins."""
    study, choices = getattr(options, "study", None), getattr(options, "choices", None)
    if not (study or choices):
        return nullcontext()
    from replication.records.study import choices as register
    from replication.records.study import frame

    if study:
        frame.load_study(study.resolve())
    put = environment({frame.VARIABLE: study, register.VARIABLE: choices})
    if choices:
        with put:
            register.in_force()
        put = environment({frame.VARIABLE: study, register.VARIABLE: choices})
    return put


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


def _require_within(option: str, value: float, bound: float, why: str) -> None:
    """Refuse a number that is none, or is larger than the `bound` on either side of zero."""
    _require(
        abs(value) <= bound, f"{option} {value:g} must lie between {-bound:g} and {bound:g}: {why}"
    )


def _process(options: argparse.Namespace) -> "Process":
    """Process of the options that `simulate` and `truth` share."""
    from replication.simulate.process import Process

    _require(options.seed >= 0, f"--seed {options.seed}: a seed is 0 or more")
    process = Process()
    universities = process.universities * options.scale
    most = MOST_UNIVERSITIES[options.command]
    _require(
        2 <= universities <= most,
        f"--scale {options.scale:g} makes {universities:g} universities: at least 2 are needed, "
        f"and {most:,} are the most, since all their events are held in memory",
    )
    if options.effect == "none":
        process = process.without_effect()
    if options.effect == "uniform":
        process = process.without_heterogeneity()
    return replace(process, universities=round(universities))


def _progress() -> Callable[[str], None]:
    """Say how far a long work is, on one line of a terminal; nothing where nobody looks."""
    from tqdm import tqdm

    line = tqdm(bar_format="{elapsed} {desc}", file=sys.stderr, disable=not sys.stderr.isatty())
    return line.set_description_str


def _simulate(options: argparse.Namespace) -> None:
    from replication.records.manifest import (
        require_own_records,
        study_of,
        table_path,
        write_records,
    )
    from replication.simulate.records import record_pieces
    from replication.simulate.study import simulate

    _require(not options.out.is_file(), f"--out {options.out} is a file: name a folder")
    _require_within("--pretrend", options.pretrend, 0.3, GROWS)
    _require_within("--confounder", options.confounder, 1, GROWS)
    process = replace(
        _process(options),
        pretrend=options.pretrend,
        anticipation=0.5 if options.anticipation else 0.0,
        confounder=options.confounder,
    )
    require_own_records(options.out)
    progress = _progress()
    progress("the study")
    tables = record_pieces(simulate(process, options.seed), options.seed)
    rows = write_records(options.out, tables, study_of(process, options.seed), progress)
    for name, n in rows.items():
        print(f"{table_path(options.out, name)}: {n:,} rows")


def _ingest(options: argparse.Namespace) -> None:
    from replication.panel.memory import read_memory, share_of_database
    from replication.records.ingest.run import ingest

    memory = share_of_database(read_memory(options.memory))
    flow = ingest(options.folder, options.out, options.mapping, memory)
    print(flow.to_string(index=False, na_rep=""))


def _validate(options: argparse.Namespace) -> None:
    from replication.records.ingest.run import validate_file

    print(f"{options.path}: {validate_file(options.path)}")


def _build(options: argparse.Namespace) -> None:
    from replication.panel.build import build_panel, open_records
    from replication.panel.consistency import require_consistent
    from replication.panel.losses import LossWarning
    from replication.panel.memory import read_memory
    from replication.records.manifest import origin, require_own_panel, write_panel

    _require(not options.out.is_dir(), f"--out {options.out} is a folder: name a file in it")
    require_own_panel(options.out, options.records)
    memory = read_memory(options.memory)
    progress = _progress()
    read = origin(options.records)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LossWarning)
        records = open_records(options.records, progress)
        panel, flow = build_panel(
            records, backend=options.backend, memory=memory, progress=progress
        )
    require_consistent(panel, "the panel")
    write_panel(options.out, panel, flow, options.records, read)
    print(flow.to_string(index=False))
    print(f"{options.out}: {len(panel):,} rows")
    for said in flow.attrs["warnings"]:
        print(f"replication build: warning: {said}", file=sys.stderr)


def _truth(options: argparse.Namespace) -> None:
    from replication.montecarlo.truth import truth
    from replication.records.manifest import require_own_truth, study_of, write_truth
    from replication.simulate.study import simulate

    _require(options.draws >= 0, f"--draws {options.draws}: 0 or more are possible")
    _require(not options.out.is_dir(), f"--out {options.out} is a folder: name a file in it")
    process = _process(options)
    require_own_truth(options.out)
    print(f"the claims, then {options.draws} draws", flush=True)
    frame = truth(simulate(process, options.seed), draws=options.draws)
    write_truth(options.out, frame, study_of(process, options.seed), options.draws)
    print(frame.to_string())


def _fetch(options: argparse.Namespace) -> None:
    from replication.records.open import download

    _require(
        "openalex" in options.names or not (options.years or options.institutions),
        "--years and --institutions are for openalex: name it, or leave them out",
    )
    files = [name for name in options.names if name != "openalex"]
    if options.list:
        print(download.listing(files, options.mirror) if files or not options.names else "", end="")
        if "openalex" in options.names:
            panel = download.cache_folder() / "openalex" / "panel.parquet"
            print(f"openalex: {panel if panel.is_file() else 'not collected here'}")
        return
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

    if options.source == "restricted":
        return _run_restricted(options)
    _require(not options.panel, "--panel is for --source restricted: leave it out")
    if options.choices or options.study:
        return _run_chosen(options)
    _require(
        not options.out, "--out is for --choices, --study and --source restricted: leave it out"
    )
    _require(options.jobs >= 1, f"--jobs {options.jobs}: at least 1 is needed")
    outcome = chapters.run(options.names, keep=options.update, jobs=options.jobs)
    for line in outcome.differences:
        print(line)
    if not options.update:
        print(outcome.verdict)
    for line in outcome.gaps:
        print(line)
    return 1 if outcome.differences else 0


def _run_restricted(options: argparse.Namespace) -> int:
    from replication.page.chosen.restricted import run

    _require(
        not options.update,
        "--update keeps the book's own outputs, and licensed records are none: leave it out",
    )
    _require(
        not options.choices,
        "--choices change the simulated study; declare yours in a file for --study instead",
    )
    names = options.names or options.chapters
    folder, text, failed = run(names, options.panel, options.out)
    print(text, end="")
    print(f"all of it: {folder}")
    return 1 if failed else 0


def _run_chosen(options: argparse.Namespace) -> int:
    from replication.page.chosen.run import run

    _require(
        not options.update,
        "--update keeps the book's own outputs, and other choices are none: leave it out",
    )
    folder, text, failed = run(options.names or options.chapters, options.out)
    print(text, end="")
    print(f"all of it: {folder}")
    return 1 if failed else 0


def _choices(options: argparse.Namespace) -> None:
    from replication.records.study.choices import load_choices, template
    from replication.writing import write_file

    if options.check:
        for one in load_choices(options.check):
            print(f"{one.row} = {one.value}{' (the default)' if one.default else ''}: {one.text}")
    if options.template:
        _require(
            not os.path.lexists(options.template),
            f"--template {options.template} is there already, and nothing of yours is overwritten: "
            "name another file",
        )
        write_file(options.template, template().encode())
        print(options.template)
    _require(bool(options.check or options.template), "say --template FILE or --check FILE")


def _verify(options: argparse.Namespace) -> int:
    from replication.page.verification.render import as_text, write
    from replication.page.verification.report import verify

    _require(options.jobs >= 1, f"--jobs {options.jobs}: at least 1 is needed")
    for option, path in (("--json", options.json), ("--html", options.html)):
        _require(not (path and path.is_dir()), f"{option} {path} is a folder: name a file in it")
    report = verify(options.chapters, jobs=options.jobs)
    paths = write(report, options.json, options.html)
    print(as_text(report))
    print("the whole report: " + ", ".join(str(path) for path in paths))
    return 0 if report.verified else 1


def _book(options: argparse.Namespace) -> int:
    from replication.page import book

    _require(options.jobs >= 1, f"--jobs {options.jobs}: at least 1 is needed")
    return book.make(jobs=options.jobs)


def _pdf(options: argparse.Namespace) -> None:
    from replication.page import pdf

    print(f"the book as one PDF: {pdf.make()}")


def _claims(options: argparse.Namespace) -> None:
    import pandas as pd

    from replication.estimate.claims import evaluate
    from replication.panel.load import load_panel, load_truth
    from replication.records.manifest import require_same_study

    _require(
        options.source == "simulated" or not options.truth,
        f"--truth is known of simulated data alone: leave it out for --source {options.source}",
    )
    panel = load_panel(options.source, options.panel, partial=True)
    truth = None
    if options.source == "simulated":
        at = options.truth or DATA / "truth.csv"
        known = load_truth(at)
        require_same_study(options.panel or DATA / "panel.parquet", at)
        truth = known.xs("mean", level="target")["value"]
    table = evaluate(panel, options.source, truth)
    if options.json:
        print(table.reset_index().to_json(orient="records", indent=1))
        return
    with pd.option_context("display.width", 200, "display.max_columns", None):
        shown = table.drop(columns=[] if table["reason"].any() else ["reason"])
        print(shown.to_string(float_format="{:.3f}".format, na_rep=""))
    print(f"source: {options.source}; 95 % intervals; p_adjusted by Holm within a family")


def _montecarlo(options: argparse.Namespace) -> None:
    from replication.montecarlo import record
    from replication.montecarlo.register import curves

    _require(options.jobs >= 1, f"--jobs {options.jobs}: at least 1 is needed")
    print(record.make(jobs=options.jobs, everything=options.all))
    print(curves.make(jobs=options.jobs, everything=options.all))


def _course(options: argparse.Namespace) -> None:
    from replication.page.course.build import build

    _require(options.seed >= 0, f"--seed {options.seed}: a seed is 0 or more")
    scheme = build(options.folder, options.seed)
    print(scheme[["assignment", "question", "points"]].to_string(index=False))
    print(f"{options.folder}: students/ to hand out, teacher/ and scheme.csv to keep")


def _mark(options: argparse.Namespace) -> None:
    from replication.page.course.marking import FAILED, mark

    _require(options.jobs >= 1, f"--jobs {options.jobs}: at least 1 is needed")
    _require(not options.out.is_dir(), f"--out {options.out} is a folder: name a file in it")
    _require(options.limit > 0, f"--limit {options.limit:g}: it must be above zero seconds")
    course, handins, out = options.course, options.handins, options.out
    table = mark(course, handins, out, jobs=options.jobs, limit=options.limit)
    print(table[["handin", "assignment", "points", "out_of"]].to_string(index=False))
    for name in table.loc[table["feedback"].str.startswith(FAILED), "handin"]:
        print(f"{name}: not marked, its points are no judgement; look at it by hand")
    print(f"{options.out}: {len(table)} hand-ins, with what each is told")


def _readme(options: argparse.Namespace) -> None:
    from replication.page import readme
    from replication.page.verification.commitment import write_manifest

    readme.write()
    write_manifest()


COMMANDS = {
    "simulate": _simulate,
    "ingest": _ingest,
    "validate": _validate,
    "build": _build,
    "truth": _truth,
    "fetch": _fetch,
    "codebook": _codebook,
    "run": _run,
    "choices": _choices,
    "verify": _verify,
    "book": _book,
    "pdf": _pdf,
    "claims": _claims,
    "montecarlo": _montecarlo,
    "readme": _readme,
    "course": _course,
    "mark": _mark,
}

OF_THE_PROJECT = ("codebook", "run", "verify", "book", "pdf", "montecarlo", "readme")
"""Commands that read or write what a wheel does not hold: notebooks, results, pages."""


if __name__ == "__main__":
    sys.exit(main())
