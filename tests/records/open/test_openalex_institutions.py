"""Universities as institutions of OpenAlex: by exact name, or by the user's file."""

import pandas as pd
import pytest

from replication.errors import (
    DuplicateRowsError,
    MissingColumnError,
    MissingValueError,
    RegistryError,
    SchemaError,
    SourceUnavailableError,
)
from replication.records.open.openalex import collect
from replication.records.open.openalex_institutions import (
    check_institutions,
    institution_question,
    load_ids,
    match,
    uniform,
)
from tests.support.openalex_server import (
    INSTITUTIONS,
    TOTAL,
    UNIVERSITIES,
    WORKS,
    YEARS,
    Answer,
    chinese,
    counted,
    institution,
    run,
)


def candidates(*found: Answer, count: int | None = None) -> Answer:
    return {"meta": {"count": len(found) if count is None else count}, "results": list(found)}


class TestInstitutions:
    @pytest.mark.parametrize(
        "found",
        [
            institution("I7", "Xi'an Jiaotong University"),
            institution("I7", "XI’AN  JIAOTONG UNIVERSITY"),
            institution("I7", "XJTU", display_name_alternatives=["Xian Jiaotong-University"]),
            institution("I7", "XJTU", international=chinese("西安交通大学")),
            institution("I7", "XJTU", international={"display_name": {"zh-cn": "西安交通大学"}}),
        ],
    )
    def test_exact_names_match(self, found):
        other = institution("I8", "Xi'an University", international=None)
        answer = candidates(other, found)
        assert match("西安交通大学", "Xi'an Jiaotong University", answer) == ("I7", "", "")

    @pytest.mark.parametrize(
        "found",
        [
            institution("I7", "Xi'an Jiaotong University Hospital"),
            institution("I7", "Jiaotong University"),
            institution("I7", "Xi'an Jiaotong Universty"),
            institution("I7", "Xi'an Jiaotong Liverpool University", international={}),
            institution("I7", "XJTU", display_name_acronyms=["Xi'an Jiaotong University"]),
            institution("I7", "XJTU", international=chinese("西安交通大学医院")),
            institution("I7", "XJTU", international={"display_name": {"ja": "西安交通大学"}}),
        ],
    )
    def test_near_names_do_not(self, found):
        answer = candidates(found)
        id_, reason, listed = match("西安交通大学", "Xi'an Jiaotong University", answer)
        assert (id_, reason) == (None, "no institution of exactly this name")
        assert listed == f"I7 {found['display_name']}"

    def test_two_matches_are_none(self):
        twins = [institution("I9", "Alpha University"), institution("I10", "Alpha university")]
        id_, reason, listed = match("甲", "Alpha University", candidates(*twins, INSTITUTIONS[1]))
        assert (id_, reason) == (None, "several institutions of exactly this name")
        assert listed == "I10 Alpha university; I9 Alpha University"

    def test_more_candidates_than_a_page_are_none(self):
        answer = candidates(INSTITUTIONS[0], count=101)
        assert match("甲大学", "Alpha University", answer)[:2] == (
            None,
            "more candidates than one page holds",
        )

    def test_uniform_names(self):
        assert uniform("Northwest A&F  University ") == "northwest a and f university"
        assert uniform("中国地质大学（北京）") == uniform("中国地质大学(北京)")
        assert uniform("ＡＢ") == "ab"

    def test_signs_are_not_searched_for(self):
        asked = institution_question("China University, of “Chang’an” (A&F) Yat-sen")
        assert asked.parameters["search"] == "China University of Chang'an A&F Yat-sen"

    @pytest.mark.parametrize(
        ("answer", "place"),
        [
            (None, "the top"),
            ({}, "meta"),
            ({"meta": {"count": 1}}, "results"),
            ({"meta": {"count": "1"}, "results": []}, "meta.count"),
            (candidates({"id": "https://openalex.org/I1"}), "results.0.display_name"),
            (candidates({"id": "W1", "display_name": "x"}), "results.0.id"),
            (candidates({"id": None, "display_name": "x"}), "results.0.id"),
        ],
    )
    def test_answer_not_as_documented(self, answer, place):
        with pytest.raises(SchemaError, match=f"not as documented, at {place}: "):
            check_institutions(answer)

    def test_unresolved_is_dropped_and_the_run_goes_on(self, server, at):
        server.institutions = [*INSTITUTIONS[:3], institution("I3", "Gamma University (South)")]
        collected = run(at)
        expected = counted(WORKS).query("university != '丙大学'").reset_index(drop=True)
        pd.testing.assert_frame_equal(collected.counts, expected)
        assert collected.flow.values.tolist() == [
            ["universities", "counted", 2],
            ["universities", "no institution of exactly this name", 1],
            ["universities × fields", "counted", 4],
            ["universities × fields", "university without an OpenAlex id", 2],
        ]
        row = collected.institutions.set_index("name_zh").loc["丙大学"]
        assert row["openalex_id"] is None
        assert "I3 Gamma University (South)" in row["candidates"]

    def test_institution_of_two_universities_is_dropped(self, server, at):
        both = [*INSTITUTIONS[0]["display_name_alternatives"], "Be'ta University"]
        shared = INSTITUTIONS[0] | {"display_name_alternatives": both}
        server.institutions = [shared, INSTITUTIONS[3]]
        collected = run(at)
        assert set(collected.counts["university"]) == {"丙大学"}
        assert collected.institutions["reason"].tolist() == [
            "institution shared with another university",
            "institution shared with another university",
            "",
        ]
        assert collected.institutions["candidates"].tolist() == ["I1", "I1", ""]

    def test_no_university_at_all(self, server, at):
        server.institutions = []
        with pytest.raises(SourceUnavailableError, match="--institutions FILE"):
            run(at)

    def test_ids_of_the_user_are_not_looked_up(self, server, at):
        server.institutions = INSTITUTIONS[1:]
        pd.testing.assert_frame_equal(run(at, ids={"甲大学": "I1"}).counts, counted(WORKS))
        assert len(server.asked) == TOTAL - 1

    def test_file_of_ids(self, tmp_path):
        path = tmp_path / "ids.csv"
        path.write_text(
            "name_zh,openalex_id,note\n甲大学, https://openalex.org/I1 ,x\n乙大学,,\n丙大学,i3,\n",
            "utf-8",
        )
        assert load_ids(path, UNIVERSITIES) == {"甲大学": "I1", "丙大学": "I3"}
        assert load_ids(None, UNIVERSITIES) == {}

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ("丁大学,I1", r"row 2, column 'name_zh': '丁大学' is no university of the list"),
            ("甲大学,I1\n乙大学,W2", r"row 3, column 'openalex_id': 'W2' is no id"),
            ("甲大学,I1\n甲大学,I2", r"row 3, column 'name_zh': '甲大学' is a duplicate"),
            ("甲大学,I1\n乙大学,I1", r"row 3, column 'openalex_id': 'I1' is given to two"),
        ],
    )
    def test_file_of_ids_with_a_fault(self, tmp_path, rows, message):
        path = tmp_path / "ids.csv"
        path.write_text(f"name_zh,openalex_id\n{rows}\n", "utf-8")
        with pytest.raises(RegistryError, match=message):
            load_ids(path, UNIVERSITIES)

    def test_file_of_ids_that_is_none(self, tmp_path):
        with pytest.raises(RegistryError, match=r"none\.csv cannot be read .* No such file"):
            load_ids(tmp_path / "none.csv", UNIVERSITIES)
        (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(RegistryError, match="cannot be read as CSV"):
            load_ids(tmp_path / "bytes.csv", UNIVERSITIES)
        (tmp_path / "other.csv").write_text("a,b\n1,2\n")
        with pytest.raises(MissingColumnError, match=r"other\.csv"):
            load_ids(tmp_path / "other.csv", UNIVERSITIES)

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            (lambda t: t.drop(columns="name_en"), MissingColumnError),
            (lambda t: t.assign(name_zh="甲大学"), DuplicateRowsError),
            (lambda t: t.assign(name_en=[None, "b", "c"]), MissingValueError),
        ],
    )
    def test_list_of_universities_with_a_fault(self, server, at, change, error):
        with pytest.raises(error):
            collect(change(UNIVERSITIES), YEARS, at)
        assert server.asked == []
