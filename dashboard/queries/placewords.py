"""The words of the page that edits places, beats and patrol units."""

from __future__ import annotations

from typing import Any

from dashboard.domain.feed import Words

WORDS = {
    "code": Words("编号", "Code"),
    "name": Words("名称", "Name"),
    "name_en": Words("英文名", "English name"),
    "kind": Words("类型", "Kind"),
    "town": Words("镇（街道）", "Town"),
    "beat": Words("巡段", "Beat"),
    "lon": Words("经度", "Longitude"),
    "lat": Words("纬度", "Latitude"),
    "bare": Words("无坐标", "no position"),
    "bare_n": Words("另有 {n} 处无坐标", "{n} without a position"),
    "no_beat": Words("不编巡段", "No beat"),
    "hours": Words("值守时段", "Duty hours"),
    "visits": Words("到访要求", "Visits owed"),
    "hours_hint": Words("如 06:00-22:00，或 全天", "Such as 06:00-22:00, or 全天 for round the clock"),
    "visits_hint": Words("如 08:00-12:00 x1; 14:00-20:00 x2", "Such as 08:00-12:00 x1; 14:00-20:00 x2"),
    "units": Words("巡逻组", "Units"),
    "leader": Words("组长", "Leader"),
    "devices": Words("手机或终端的设备名", "Devices"),
    "devices_hint": Words("与手机里填的设备标识一致，多个用顿号隔开", "As set in the phone; several with commas"),
    "members": Words("点位", "Places"),
    "beats": Words("巡段", "Beats"),
    "from": Words("自哪天起", "Valid from"),
    "tomorrow": Words("明天 0 时起", "From tomorrow"),
    "now": Words("今天起", "From today"),
    "other": Words("另选日期", "Another day"),
    "reason": Words("原因", "Reason"),
    "reason_hint": Words("写给以后查的人看，如：出口改道", "For whoever asks later, e.g. road moved"),
    "save": Words("保存", "Save"),
    "add": Words("新增", "Add"),
    "close": Words("关闭这个地点", "Close this place"),
    "close_beat": Words("撤销这个巡段", "Remove this beat"),
    "close_unit": Words("撤销这个巡逻组", "Remove this unit"),
    "sure": Words("确定关闭", "Close it"),
    "keep": Words("不关闭", "Keep it"),
    "move": Words("在图上点新位置", "Pick on the map"),
    "moving": Words("请在图上点一下，或拖动圆环", "Click on the map, or drag the ring"),
    "clear": Words("清除坐标", "Clear position"),
    "add_place": Words("新增地点", "Add a place"),
    "add_beat": Words("新增巡段", "Add a beat"),
    "add_unit": Words("新增巡逻组", "Add a unit"),
    "none": Words("没有符合的地点", "Nothing passes the filters"),
    "no_changes": Words("还没有改动", "No changes yet"),
    "read_only": Words("您可以查看，不能修改", "You may look, not change"),
    "soon": Words("已排定", "Scheduled"),
    "recent": Words("最近改动", "Latest changes"),
    "restore": Words("恢复", "Restore"),
    "cancel": Words("取消", "Cancel"),
    "restore_all": Words("恢复改动前的样子", "Restore what was before"),
    "take_back": Words("取消这项改动", "Take this change back"),
    "today_note": Words("今天 0 时以来的记录按新的重算", "Today's records are counted anew"),
    "later_note": Words("到那天 0 时自动生效，之前的日子不变", "Takes effect at midnight; earlier days stay"),
    "closed": Words("从明天起已关闭，可在改动记录里恢复", "Closed from tomorrow; restore it in the changes"),
}
HEADS = (
    Words("时间", "When"),
    Words("谁", "Who"),
    Words("对象", "What"),
    Words("原来", "Before"),
    Words("改为", "After"),
    Words("生效", "Valid from"),
    Words("状态", "State"),
    Words("原因", "Reason"),
)
"""Columns of the list of changes."""


def words(lang: str) -> dict[str, Any]:
    """All of them in one language, as the page's script reads them."""
    return {key: one.of(lang) for key, one in WORDS.items()} | {"heads": [one.of(lang) for one in HEADS]}
