"""Theme on the Python side: the few tokens and the Plotly templates that cannot read CSS variables.

Everything else reads ``callbacks/assets/00-tokens.css``. Importing this module does not import Plotly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import plotly.graph_objects as go

Theme = Literal["light", "dark"]

LIGHT = {
    "bg": "#F5F6F8",
    "surface": "#FFFFFF",
    "line": "#E0E4E8",
    "axis": "#B4BBC4",
    "text": "#16191D",
    "text_2": "#434A53",
    "text_3": "#626A74",
    "bar": "#2B6A87",
    "mute": "#B7BEC7",
    "accent": "#1F5AA8",
    "nodata": "#ECEEF1",
}
DARK = {
    "bg": "#0D0E11",
    "surface": "#15171B",
    "line": "#2A2E33",
    "axis": "#4A5057",
    "text": "#EBEDEF",
    "text_2": "#B3B8BE",
    "text_3": "#8F959D",
    "bar": "#5B93A6",
    "mute": "#565D66",
    "accent": "#7CB6F1",
    "nodata": "#1B1D21",
}
RAMP_LIGHT = ("#E8F2F6", "#CAE1EB", "#A7CDDC", "#83B7CC", "#5B9EB8")
RAMP_DARK = ("#253035", "#2B3F48", "#2F4F5C", "#335F70", "#367184")
"""Five fixed classes of the choropleth, lowest first: in the dark brighter is more, in the light darker is more."""

FONT = "Townwatch Sans, Noto Sans CJK SC, Noto Sans SC, PingFang SC, Microsoft YaHei, sans-serif"
GRAPH_CONFIG = {"displayModeBar": False, "responsive": True, "scrollZoom": False, "doubleClick": False}


def tokens(theme: Theme) -> dict[str, str]:
    """The colours of a theme by name."""
    return DARK if theme == "dark" else LIGHT


def ramp(theme: Theme) -> tuple[str, ...]:
    """The map's five classes in a theme."""
    return RAMP_DARK if theme == "dark" else RAMP_LIGHT


def plotly_template(theme: Theme, wall: bool = False) -> go.layout.Template:
    """Lines and bars as the design wants them: no legend, three gridlines at most, bars from zero."""
    import plotly.graph_objects as go  # 0.4 s: only pages with charts pay it

    colour = tokens(theme)
    size = 18 if wall else 12
    axis = {
        "showgrid": False,
        "zeroline": False,
        "linecolor": colour["axis"],
        "tickfont": {"size": size, "color": colour["text_3"]},
        "ticks": "",
        "title": None,
        "fixedrange": True,
    }
    value_axis = {
        **axis,
        "showgrid": True,
        "gridcolor": colour["line"],
        "linewidth": 0,
        "nticks": 3,
        "rangemode": "tozero",
        "side": "right",
        "automargin": True,
    }
    layout = {
        "font": {"family": FONT, "size": size, "color": colour["text_2"]},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "colorway": [colour["bar"], colour["mute"], colour["text_2"], colour["text_3"]],
        "margin": {"l": 0, "r": 0, "t": 4, "b": 32 if wall else 24},
        "showlegend": False,
        "hovermode": False if wall else "x unified",
        "hoverlabel": {"bgcolor": colour["surface"], "bordercolor": colour["axis"], "font": {"color": colour["text"]}},
        "separators": ".,",
        "bargap": 0.22,
        "dragmode": False,
        "uirevision": "keep",
        "transition": {"duration": 0},
        "xaxis": axis,
        "yaxis": value_axis,
    }
    data = {
        "scatter": [{"mode": "lines", "line": {"width": 2.5 if wall else 2}}],
        "bar": [{"marker": {"line": {"width": 0}, "cornerradius": 1.5}}],
    }
    return go.layout.Template(layout=layout, data=data)


def register_templates() -> None:
    """Make ``tw-light``, ``tw-dark`` and ``tw-wall`` known to Plotly."""
    import plotly.io as pio

    pio.templates["tw-light"] = plotly_template("light")
    pio.templates["tw-dark"] = plotly_template("dark")
    pio.templates["tw-wall"] = plotly_template("dark", wall=True)
