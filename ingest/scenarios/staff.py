"""Invented people of a scenario who work for towns: liaison officers, stewards, mediators. Staff stand by name.

Named ``<id> <name>``: the id is unique in the scenario, the name is what people read. Nobody real is meant.
"""

from __future__ import annotations

import random

from ingest.scenarios.base import seed

_FAMILY = "沈陆顾徐周吴孙俞施褚蒋韩杨朱秦许何吕张孔曹严华金魏姜谢邹章苏潘葛范彭鲁韦昌马苗方任袁柳鲍史唐费薛雷"
_GIVEN = "敏静峰立伟宁岩川平青远安然波帆涛松洁莹钢磊斌芸倩颖晨曦辉璐琳娟霞彬勇杰浩鑫婷丹阳旭慧君"


def staff(scenario: str, role: str, letter: str, town: str, nth: int, count: int) -> tuple[str, ...]:
    """``count`` people of one role in the ``nth`` town, each with an id such as ``P-8013``."""
    draw = random.Random(seed(scenario, "staff", role, town))
    names: dict[str, None] = {}
    while len(names) < count:
        names[draw.choice(_FAMILY) + draw.choice(_GIVEN)] = None
    return tuple(f"{letter}-{nth}{number:03d} {name}" for number, name in enumerate(names, start=1))
