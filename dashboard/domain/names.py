"""Where a text says that what follows, or stands before, is somebody's name.

A Chinese name on its own looks like any other word, so a name is known only by what stands around it: a word for a
person (``联系人：张三``), a form of address (``张女士``), a home or family (``张三家门口``); and alone in a field that
holds nothing but a person's code (``Field.person``). What is not said so is not found. Names of places and firms
are left alone.
"""

from __future__ import annotations

import re

_COMPOUND = (
    "欧阳|上官|司马|司徒|诸葛|夏侯|东方|皇甫|尉迟|公孙|慕容|令狐|宇文|长孙|轩辕|端木|百里|南宫|澹台|呼延|独孤|闻人|赫连"
)
_SINGLE = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方"
    "俞任袁柳酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄穆萧尹姚邵湛汪祁毛禹狄米贝明臧"
    "计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯管卢莫"
    "经房裘缪干解应宗丁宣邓郁单杭洪包诸左石崔吉钮龚程嵇邢裴陆荣翁荀惠甄曲封芮储靳汲段富巫乌焦巴牧山谷车侯宓蓬全班"
    "仰秋仲伊宫宁仇栾甘厉祖武符刘景詹束龙叶幸司韶郜黎薄印宿白怀蒲邰鄂索咸籍赖卓蔺屠蒙池乔阴胥苍闻莘党翟谭贡劳姬"
    "申扶堵冉宰郦雍桑桂牛寿通边扈燕冀浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容古易慎戈廖庾终居衡步耿满弘匡国文寇广东"
    "欧沃利蔚越隆师巩聂晁勾敖融冷辛阚那简饶曾沙养丰巢关查荆游竺权盖桓岳帅涂肖付闫"
)
_RARE = (
    "水云花乐于时平元明成强路危万支经干解应单左曲封山谷车全班秋宫幸司印宿白怀党申通边农别充连习容易终步满"
    "国文广东利越师养关权盖安常方高金华江海和向从"
)
"""Surnames that are ordinary words much more often: known only where a word for a person and a colon stand before."""
_SURNAME = f"(?:{_COMPOUND}|[{_SINGLE}])"
_LIKELY = f"(?:{_COMPOUND}|[{''.join(sorted(set(_SINGLE) - set(_RARE)))}]|[金方高江白万文常单左](?=[一-鿿]))"
# What a place or a firm is called ends so; no given name does.
_GIVEN = "(?![的和与在等及或是为向从对把被将到去来某])[一-鿿](?<![村镇乡街路巷弄区县市厂店站号组幢室楼院馆所部局队])"
_PERSON = (
    "联系人|当事人|报案人|报警人|举报人|投诉人|申请人|申报人|被申请人|经手人|户主|房东|房客|租客|承租人|出租人|租户|住户|业主|"
    "患者|病人|病例|死者|伤者|老人|孩子|家属|家长|亲属|监护人|同住人|同行人|密接|密切接触者|接触者|感染者|隔离人员|隔离对象|重点人员|"
    "返乡人员|来访人|访客|驾驶员|司机|车主|法人|法人代表|法定代表人|负责人|经营者|店主|老板|受害人|嫌疑人|被告|原告|证人|债权人|债务人|"
    "职工|员工|工人|村民|居民|姓名|名字|本人|其人|男子|女子"
)
_END = "(?![一-鿿])"
_ON = (
    "(?=家[门里中属人住的]|的家|住在|电话|手机|身份证|反映|报警|报案|投诉|举报|称|等[人户\\d一二三四五六七八九十两几])"
)
_ADDRESS = (
    "先生|女士|小姐|太太|师傅|大爷|大伯|大叔|大哥|大妈|大娘|大姐|大婶|"
    "阿姨|阿婆|阿公|奶奶|爷爷|老太太?|老汉|某某?(?![一-鿿])"
)
_FAMILY = (
    "家门口|家门前|家楼下|家里|家中|家附近|家隔壁|家对面|的家|一家[三四五六七]口|夫妇|夫妻|夫妻俩|父子|母子|母女|兄弟|姐妹|"
    "(?:的)?(?:父亲|母亲|爸爸|妈妈|妻子|丈夫|老婆|老公|儿子|女儿|孙子|孙女|爷爷|奶奶|家属)"
)
_FIRM = "(?![一-鿿（）()]{0,12}(?:公司|厂|集团|超市|酒店|饭店|餐厅|面馆|牛肉面|店铺|商行|商店|便利店|快餐))"
_NAME = f"{_LIKELY}{_GIVEN}(?:{_GIVEN})?"
_ANY_NAME = f"{_SURNAME}{_GIVEN}(?:{_GIVEN})?"

_SAID = re.compile(
    f"(?:{_PERSON})(?:[（(][^（()）]{{0,8}}[）)])?\\s*(?:[:：]|叫|名叫|姓名|[:：]\\s*姓名)\\s*(?P<name>{_ANY_NAME})(?:{_END}|{_ON})"
    f"|(?:{_PERSON})\\s+(?P<name2>{_NAME})(?:{_END}|{_ON})"
    f"|(?:{_PERSON})(?P<name3>{_NAME})(?:(?=[、，,。;；（(\\s和与及])|{_ON}|$)"
    f"|(?!康师傅)(?P<name4>{_LIKELY}(?:{_GIVEN}){{0,2}}?)(?:{_ADDRESS}){_FIRM}"
    f"|(?<![一-鿿])(?P<name5>{_NAME})\\s*(?:{_FAMILY}){_FIRM}"
    f"|(?<=[村路号组幢室弄街社区])(?P<name6>{_NAME})\\s*(?:家门口|家里|家中|家附近|家楼下|夫妇|夫妻)"
)
_WESTERN = re.compile(
    r"\b(?:Mr|Mrs|Ms|Miss|Mx)\.? (?P<name>[A-Z][a-z]+(?: [A-Z][a-z]+)?)\b"
    r"|\b(?i:contact|contact person|name|caller|tenant|patient|resident|driver|owner|landlord)\s?[:=：]\s*"
    r"(?P<name2>[A-Z][a-z]+(?: [A-Z][a-z]+){1,2})\b"
)
_NEXT = re.compile(f"\\s*[、/和与及]\\s*(?P<name>{_NAME})(?:{_END}|(?=[和与及])|{_ON})")
_BARE = re.compile(f"{_SURNAME}{_GIVEN}(?:{_GIVEN})?")
_CUES = re.compile(
    f"{_PERSON}|{_ADDRESS}|家[门里中楼附隔对]|的家|一家|夫[妇妻]|父[子亲]|母[子女亲]|兄弟|姐妹|爸爸|妈妈|妻子|丈夫|老[婆公]|儿子|女儿|[孙][子女]|家属"
)
"""No rule can hold in a text that has none of these."""
_WORDS = frozenset(
    """
    安全 安置 安排 单位 方式 方案 方面 方便 方可 方舱 高度 高龄 高危 高风 高烧 高热
    任务 任何 华侨 华人 严重 严格 严禁 常住 常见 常态 全部 全体 明确 时间 时候 成员
    成功 平安 平台 关于 关系 关心 管理 管控 管辖 党员 温度 温馨 江苏 江西 江南 江北
    金融 金额 车辆 车间 经营 经济 经过 应当 应急 应该 解除 解决 路线 路过 路口 国家
    国内 国外 广东 广西 东北 东门 云南 贵州 山东 山西 石家 武汉 温州 台州 杭州 宁波
    宁海 白天 白色 白酒 顾客 顾虑 须知 许可 许多 何时 何地 何处 何况 向来 向导 项目
    支付 支持 于是 余下 余人 余名 余户 余家 祝愿 施工 施救 计划 计算 包括 包车 包工
    包装 通过 通知 通行 通道 连续 连夜 连同 满意 满足 满员 满十 别墅 别处 终止 终于
    居住 居民 居家 居委 步行 步骤 边防 边界 容易 易感 充分 充足 申请 申报 申诉 申领
    甘肃 储备 富阳 封闭 封控 封条 程序 荣誉 洪水 全程 左右 左侧 石材 石门 宣传 宣布
    房屋 房间 房租 房东 莫名 管道 强制 强行 强调 路段 项圈 梁柱 董事 阻碍 祖籍 祖孙
    祖父 祖母 幸好 司法 司机 印制 印象 怀疑 怀孕 索要 索取 索赔 贡献 劳动 劳务 劳资
    扶贫 扶持 扶养 桂花 习惯 古镇 慎重 国籍 文明 文化 文书 文件 文具 丰富 关闭 关注
    关门 游客 游玩 权利 权益 权属 盖章 师生 师资 养老 养护 养殖 冷静 冷链 冷藏 曾经
    曾到 曾在 曾于 沙发 柴油 牛肉 牛奶 干部 干活 干净 应聘 查询 查看 查验 查实 卫生
    卫健 滕王 殷切 毕业 毕竟 乐意 皮肤 皮鞋 齐全 康复 康养 元旦 元宵 贝壳 伏击 谈话
    谈判 纪律 纪念 舒适 屈服 席位 季度 麻将 麻烦 贾宝 危险 危重 童装 颜色 盛装 林地
    钟点 夏季 夏天 田地 田间 万元 万人 万余 霍乱 丁桥 单独 单身 单日 单次 单价 单元
    单车 花钱 花费 花园 水电 水费 水表 章程 云签 苏州 范围 郎溪 马上 马路 凤凰 史料
    唐突 费用 费力 廉租 雷雨 汤药 罗列
    """.split()  # noqa: SIM905 - a list of three hundred words reads worse
)
"""Words that begin like a name and stand after a word for a person, or before a form of address."""


def spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of every name that a text says is one, in order. Never of a text without such words."""
    if text.isascii():
        return [found.span(found.lastgroup or 0) for found in _WESTERN.finditer(text)] if " " in text else []
    if _CUES.search(text) is None:
        return []
    found: list[tuple[int, int]] = []
    for one in _SAID.finditer(text):
        span: tuple[int, int] | None = one.span(one.lastgroup or 0)
        # 当事人张三、李四和王五: what is listed with a name is one.
        while span is not None and text[span[0] : span[0] + 2] not in _WORDS:
            found.append(span)
            more = _NEXT.match(text, span[1])
            span = more.span("name") if more is not None else None
    return found


def bare(text: str) -> bool:
    """Whether a text is a name and nothing else, as far as anybody can tell: 张三, 诸葛不贰. So are 丁栅 and 金海."""
    return not text.isascii() and _BARE.fullmatch(text) is not None


__all__ = ["bare", "spans"]
