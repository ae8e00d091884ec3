"""Plots as SVG text: each run a dot on a common scale, or points and lines; readable on light and dark pages."""

import math
from html import escape
from statistics import median

STYLE = """<style>text{font:12px sans-serif;fill:#57606a}
.t{font-weight:600;font-size:13px}.g{stroke:#8884;stroke-width:1}
.d{fill:#0969da;fill-opacity:.65}.o{fill:#8b949e;fill-opacity:.65}.m{stroke:#57606a;stroke-width:2}
.l{stroke:#0969da;stroke-width:1.5;fill:none}@media(prefers-color-scheme:dark){text{fill:#b1bac4}.m{stroke:#b1bac4}}</style>"""


def ticks(most: float) -> list[float]:
    """Round numbers from zero to about the greatest value, four to six of them."""
    if most <= 0:
        return [0, 1]
    step = 10 ** math.floor(math.log10(most))
    for factor in (0.2, 0.5, 1, 2):
        if most / (step * factor) <= 6:
            step *= factor
            break
    return [step * place for place in range(math.ceil(most / step) + 1)]


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"


def page(title: str, width: int, height: int, body: list[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            f'role="img" aria-label="{escape(title)}">',
            STYLE,
            f'<text class="t" x="8" y="18">{escape(title)}</text>',
            *body,
            "</svg>",
            "",
        ]
    )


def dots(title: str, axis: str, rows: list[tuple[str, list[float]]]) -> str:
    """A row a contestant: a dot for each run, a line at the median. The first row stands out."""
    left, width, top, step = 270, 760, 34, 26
    rows = [(name, [value for value in values if math.isfinite(value)]) for name, values in rows]
    scale = ticks(max((max(values) for _, values in rows if values), default=1))
    at = lambda value: left + (width - left - 30) * value / scale[-1]
    bottom = top + step * len(rows)
    body = []
    for tick in scale:
        body.append(f'<line class="g" x1="{at(tick):.1f}" x2="{at(tick):.1f}" y1="{top - 6}" y2="{bottom}"/>')
        body.append(f'<text x="{at(tick):.1f}" y="{bottom + 16}" text-anchor="middle">{number(tick)}</text>')
    for place, (name, values) in enumerate(rows):
        y = top + step * place + step / 2
        body.append(f'<text x="{left - 12}" y="{y + 4}" text-anchor="end">{escape(name)}</text>')
        for value in values:
            body.append(f'<circle class="{"o" if place else "d"}" cx="{at(value):.1f}" cy="{y}" r="5"/>')
        if values:
            middle = at(median(values))
            body.append(f'<line class="m" x1="{middle:.1f}" x2="{middle:.1f}" y1="{y - 9}" y2="{y + 9}"/>')
    body.append(f'<text x="{width - 30}" y="{bottom + 34}" text-anchor="end">{escape(axis)}</text>')
    return page(title, width, int(bottom + 44), body)


def lines(
    title: str, across: str, up: str, series: list[tuple[str, list[tuple[float, float]]]], *, logarithmic: bool = False
) -> str:
    """Points and what joins them, a series each; both axes from zero, or both logarithmic."""
    left, right, top, bottom, width, height = 70, 170, 50, 46, 780, 346
    points = [point for _, found in series for point in found]
    if logarithmic:
        xs, ys = decades([x for x, _ in points]), decades([y for _, y in points])
        part = lambda value, scale: (math.log10(value / scale[0])) / math.log10(scale[-1] / scale[0])
    else:
        xs, ys = ticks(max(x for x, _ in points)), ticks(max(y for _, y in points))
        part = lambda value, scale: value / scale[-1]
    x_at = lambda x: left + (width - left - right) * part(x, xs)
    y_at = lambda y: height - bottom - (height - bottom - top) * part(y, ys)
    body = []
    for x in xs:
        body.append(f'<line class="g" x1="{x_at(x):.1f}" x2="{x_at(x):.1f}" y1="{top}" y2="{height - bottom}"/>')
        body.append(f'<text x="{x_at(x):.1f}" y="{height - bottom + 16}" text-anchor="middle">{number(x)}</text>')
    for y in ys:
        body.append(f'<line class="g" x1="{left}" x2="{width - right}" y1="{y_at(y):.1f}" y2="{y_at(y):.1f}"/>')
        body.append(f'<text x="{left - 8}" y="{y_at(y) + 4:.1f}" text-anchor="end">{number(y)}</text>')
    for place, (name, found) in enumerate(series):
        path = " ".join(f"{x_at(x):.1f},{y_at(y):.1f}" for x, y in found)
        dash = f' stroke-dasharray="{4 * place} {3 * place}"' if place else ""
        body.append(f'<polyline class="l" points="{path}"{dash}/>')
        if len(found) <= 12:
            body += [f'<circle class="d" cx="{x_at(x):.1f}" cy="{y_at(y):.1f}" r="4"/>' for x, y in found]
    ends = [(y_at(found[-1][1]), x_at(found[-1][0]), name) for name, found in series]
    for y, x, name in apart(ends):
        body.append(f'<text x="{x + 8:.1f}" y="{y + 4:.1f}">{escape(name)}</text>')
    body.append(f'<text x="{width - right}" y="{height - 10}" text-anchor="end">{escape(across)}</text>')
    body.append(f'<text x="{left}" y="{top - 10}">{escape(up)}</text>')
    return page(title, width, height, body)


def apart(labels: list[tuple[float, float, str]], least: float = 14) -> list[tuple[float, float, str]]:
    """The same with none above another's line: each at least so far below the one before."""
    placed: list[tuple[float, float, str]] = []
    for y, x, name in sorted(labels):
        placed.append((max(y, placed[-1][0] + least) if placed else y, x, name))
    return placed


def decades(values: list[float]) -> list[float]:
    """Powers of ten that hold some values between them."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return [10.0**power for power in range(low, max(high, low + 1) + 1)]
