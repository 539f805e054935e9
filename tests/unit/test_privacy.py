"""Phone and identity numbers are found and masked; ordinary numbers are left alone."""

from __future__ import annotations

import pytest

from dashboard.domain.privacy import contact_part, mask, personal, private_header

GOOD_ID = "110101199003074477"


@pytest.mark.parametrize(
    "text", ["13812345678", "+8613812345678", "86-13812345678", "138-1234-5678", "138 1234 5678", "电话13812345678。"]
)
def test_a_phone_number_is_found_and_masked(text: str) -> None:
    assert personal(text) == "phone"
    assert "5678" not in mask(text)
    assert "1234" not in mask(text)


@pytest.mark.parametrize("text", [GOOD_ID, f"身份证{GOOD_ID}号", "11010519491231002X", "11010519491231002x"])
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
