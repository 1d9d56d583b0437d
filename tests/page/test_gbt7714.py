"""References come out as the standard prints its own examples."""

import re

import pytest
from pybtex.database import parse_string

from replication.page.gbt7714 import reference, references, references_markdown

EXAMPLES = {
    # Examples of GB/T 7714-2015 itself, in its own words and marks.
    """@article{a, author = {Kanamori, H.}, title = {Shaking without quaking},
       journal = {Science}, year = 1998, volume = 279, number = 5359, pages = 2063}""": (
        "KANAMORI H. Shaking without quaking[J]. Science, 1998, 279(5359): 2063."
    ),
    """@article{a, author = {Yuan, X. and Chen, Z. and Xiao, S. and Wan, B.},
       authorzh = {袁训来 and 陈哲 and 肖书海 and 万斌},
       title = {Lantian [蓝田生物群: 一个认识多细胞生物起源和早期演化的新窗口]},
       journal = {Chinese Science Bulletin [科学通报]},
       year = 2012, volume = 55, number = 34, pages = 3219}""": (
        "袁训来, 陈哲, 肖书海, 等. 蓝田生物群: 一个认识多细胞生物起源和早期演化的新窗口[J]. "
        "科学通报, 2012, 55(34): 3219."
    ),
    """@book{a, author = {Baker, S. K. and Jackson, M. E.},
       title = {The future of resource sharing}, address = {New York},
       publisher = {The Haworth Press}, year = 1995}""": (
        "BAKER S K, JACKSON M E. The future of resource sharing[M]. New York: The Haworth Press, "
        "1995."
    ),
    """@book{a, author = {Peebles, Jr., Peyton Z.},
       title = {Probability, random variable, and random signal principles}, edition = 4,
       address = {New York}, publisher = {McGraw Hill}, year = 2001}""": (
        "PEEBLES P Z, Jr. Probability, random variable, and random signal principles[M]. 4th ed. "
        "New York: McGraw Hill, 2001."
    ),
    """@misc{a, author = {{Online Computer Library Center, Inc.}},
       title = {About OCLC: history of cooperation}, year = 2012, urldate = {2012-03-27},
       url = {http://www.oclc.org/about/cooperation.en.html}}""": (
        "Online Computer Library Center, Inc. About OCLC: history of cooperation[EB/OL]. "
        "(2012)[2012-03-27]. http://www.oclc.org/about/cooperation.en.html."
    ),
    # Cases of its rules: no place and no publisher, no volume, others, a double given name.
    """@inproceedings{a, author = {McKinney, Wes and others}, title = {Data Structures},
       booktitle = {Proceedings of the Conference}, year = 2010, pages = {56--61}}""": (
        "MCKINNEY W, et al. Data Structures[C]//Proceedings of the Conference. [S.l.: s.n.], 2010: "
        "56-61."
    ),
    """@article{a, author = {Jiang, Ting}, authorzh = {江艇}, title = {Mediation [中介效应]},
       journal = {China Industrial Economics [中国工业经济]}, year = 2022, number = 5,
       pages = {100--120}}""": "江艇. 中介效应[J]. 中国工业经济, 2022(5): 100-120.",
    """@techreport{a, author = {Goodman-Bacon, Jean-Paul}, title = {Doses}, type = {Working Paper},
       number = 7, institution = {NBER}, year = {2024a}, doi = {10.1/x}}""": (
        "GOODMAN-BACON J P. Doses: Working Paper 7[R]. [S.l.]: NBER, 2024. DOI:10.1/x."
    ),
}


@pytest.mark.parametrize(("entry", "printed"), EXAMPLES.items(), ids=lambda text: text[:24])
def test_a_work_is_printed_as_the_standard_has_it(entry: str, printed: str) -> None:
    (work,) = parse_string(entry, "bibtex").entries.values()
    assert reference(work) == printed


def test_every_work_of_the_book_has_a_name_a_letter_and_a_year() -> None:
    form = re.compile(r"^[^.]+\. .+\[(J|M|R|C|Z|EB/OL)\].*\b(19|20)\d\d\b.*\.$")
    assert [text for text in references() if not form.match(text)] == []


def test_no_mark_of_tex_is_left_and_addresses_say_when_they_were_read() -> None:
    for text in references():
        assert not re.search(r"[{}\\]|``|''", text), text
        assert "http" not in text or re.search(r"\[\d{4}-\d\d-\d\d\]", text), text


def test_the_paper_is_printed_in_chinese_and_first_are_the_chinese_works() -> None:
    found = references()
    (paper,) = [text for text in found if text.startswith("徐岚")]
    assert paper == (
        "徐岚, 徐晶晶, 蔡伟毅, 等. 逆全球化背景下高校国际科技交流对校企合作创新的影响——来自"
        "56所部属高校STEM学科的新证据[J]. 华东师范大学学报(教育科学版), 2026, 44(7): 15-32. "
        "DOI:10.16382/j.cnki.1000-5560.2026.07.002."
    )
    chinese = [bool(re.match("[\u4e00-\u9fff]", text)) for text in found]
    assert chinese == sorted(chinese, reverse=True)
    assert f"[{len(found)}] " in references_markdown()
