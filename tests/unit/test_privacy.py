"""Phone and identity numbers are found and masked; ordinary numbers are left alone."""

from __future__ import annotations

import pytest

from dashboard.domain.names import bare, spans
from dashboard.domain.privacy import NAME_MASK, contact_part, mask, personal, private_header
from dashboard.feeds import FEEDS
from geodata.library import bundled_pack
from geodata.pack import load_pack
from ingest.scenarios import SCENARIOS, scenario_named

GOOD_ID = "110101199003074477"


@pytest.mark.parametrize(
    "text",
    [
        *("13812345678", "+8613812345678", "86-13812345678", "138-1234-5678", "138 1234 5678", "电话13812345678。"),
        *("１３８１２３４５６７８", "138.1234.5678", "电话0573-81234567", "打（0573）81234567"),
    ],
)
def test_a_phone_number_is_found_and_masked(text: str) -> None:
    assert personal(text) == "phone"
    assert "567" not in mask(text)
    assert "1234" not in mask(text)


@pytest.mark.parametrize(
    "text", [GOOD_ID, f"身份证{GOOD_ID}号", "110101 19900307 4477", "11010519491231002X", "11010519491231002x"]
)
def test_an_identity_number_with_its_check_digit_is_found_and_masked(text: str) -> None:
    assert personal(text) == "id"
    assert "1990" not in mask(text)
    assert "1949" not in mask(text)


def test_an_identity_number_with_a_wrong_check_digit_is_masked_and_not_refused() -> None:
    wrong = GOOD_ID[:-1] + "8"
    assert personal(wrong) is None
    assert mask(wrong) == "11****************"


@pytest.mark.parametrize(
    "text", ["", "330421111-K01", "12812345678", "1381234567", "138123456789", "1582000000123", "36.5", "姚庄镇"]
)
def test_other_numbers_are_left_alone(text: str) -> None:
    assert personal(text) is None
    assert mask(text) == text


def test_both_in_one_text_are_masked() -> None:
    assert mask(f"{GOOD_ID},13812345678") == "11****************,138********"


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("联系人", "name"),
        ("姓名", "name"),
        ("法人联系电话", "phone"),
        ("手机 号码", "phone"),
        ("Contact Person", "name"),
        ("tel", "phone"),
        ("身份证号", ""),
        ("家庭住址", ""),
        ("个案编号", ""),
    ],
)
def test_a_personal_column_says_whom_to_call_or_nothing(header: str, part: str) -> None:
    assert contact_part(header) == part
    assert private_header(header) or not part


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("联系人：张三", ["张三"]),
        ("当事人王建国、李四和赵六", ["王建国", "李四", "赵六"]),
        ("报案人 陈秀英 称", ["陈秀英"]),
        ("户主：江海", ["江海"]),
        ("业主（户主）：柏水生", ["柏水生"]),
        ("患者张明住在三组", ["张明"]),
        ("当事人叫万方", ["万方"]),
        ("老板刘强电话", ["刘强"]),
        ("找诸葛不贰先生", ["诸葛不贰"]),
        ("李女士来电", ["李"]),
        ("周某某", ["周"]),
        ("张三丰 家门口", ["张三丰"]),
        ("姚庄村3组王桂花家门口", ["王桂花"]),
        ("陈建国夫妇", ["陈建国"]),
        ("contact: Zhang San", ["Zhang San"]),
        ("Mr. Wang came", ["Wang"]),
    ],
)
def test_what_a_text_calls_a_name_is_found_and_masked(text: str, named: list[str]) -> None:
    assert [text[start:end] for start, end in spans(text)] == named
    assert personal(text) == "name"
    masked = mask(text)
    assert masked.count(NAME_MASK) == len(named)
    assert not any(name in masked for name in named)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "申请人身份核验",
            "负责人高度重视",
            "当事人安全",
            "患者方舱转运",
            "住户任务",
            "房东房租",
            "施工师傅",
            "管道师傅",
        ),
        *(
            "张先生超市",
            "李先生牛肉面馆（姚庄店）",
            "康师傅方便面",
            "王家村委会",
            "高家桥路口",
            "金海小区",
            "吴江一家企业",
            "大家门口",
        ),
        *("对于某企业", "P-1010 张晨", "联系人方式", "法人单位", "老人家", "某某有限公司"),
    ],
)
def test_what_only_looks_like_a_name_is_left_alone(text: str) -> None:
    assert spans(text) == []
    assert mask(text) == text


def test_no_text_of_a_scenario_or_pack_is_taken_for_a_name() -> None:
    """All distinct texts of a day of two scenarios, and every place and town of theirs."""
    seen: set[str] = set()
    for name in ("yaozhuang", "lishui"):
        path = bundled_pack(SCENARIOS[name][0])
        assert path is not None
        pack = load_pack(path).pack
        seen |= {one.name for one in pack.places} | {one.name for one in pack.towns}
        for stream in scenario_named(name, pack).streams:
            names = [field.name for field in FEEDS[stream.feed].fields if field.kind == "text"]
            records = [one.record for one in stream.day(20200218)]
            seen |= {str(record[field]) for record in records for field in names if field in record}
    assert len(seen) > 1000
    assert [text for text in seen if mask(text) != text or personal(text)] == []


def test_alone_a_name_is_known_only_by_its_shape() -> None:
    assert bare("张三")
    assert bare("诸葛不贰")
    assert not bare("c-01")
    assert not bare("张三的个案")
    assert not bare("丁栅村")
