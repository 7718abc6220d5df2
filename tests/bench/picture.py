"""The picture: what each load keeps of its throughput under each tool, with the spread of the rounds."""
from html import escape

from storm import SPIN, STORM
from traffic import LOADS, TITLES

PANELS = {**{load: TITLES[load] for load in LOADS}, STORM: "storm of resets", SPIN: "spinning on EPIPE"}
SHOWN = {"control": "untraced again", "pipetrace_inferred": "pipetrace, inferred",
         "pipetrace_exact": "pipetrace, exact", "empty_exact": "empty programs", "bpftrace": "bpftrace",
         "tcpdump": "tcpdump -w", "strace": "strace -f"}
WIDTH, LABEL_WIDTH, VALUE_WIDTH, PANEL_GAP = 860, 125, 40, 24
ROW, TITLE_HEIGHT, TOP = 18, 26, 44
COLUMNS = 2
AXIS_MAX = 1.1

# One set of colours for light pages, one for dark ones; the picture's own background stays clear.
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; }
  .small { font-size: 11px; fill: #59636e; }
  .bar { fill: #8c959f; } .own { fill: #0969da; } .empty { fill: #afb8c1; }
  .spread { stroke: #1f2328; stroke-width: 1.2; }
  .one { stroke: #59636e; stroke-dasharray: 3 3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .small { fill: #9198a1; }
    .bar { fill: #656c76; } .own { fill: #4493f8; } .empty { fill: #3d444d; }
    .spread { stroke: #f0f6fc; } .one { stroke: #9198a1; }
  }
"""


def bar_class(name):
    if name.startswith("pipetrace"):
        return "own"
    return "empty" if name.startswith("empty") or name == "control" else "bar"


def panel(left, top, width, title, rows):
    """One load: a bar and a line from least to greatest for each tool."""
    bars_left = left + LABEL_WIDTH
    scale = (width - LABEL_WIDTH - VALUE_WIDTH) / AXIS_MAX
    yield f'<text class="title" x="{left}" y="{top + 14}">{escape(title)}</text>'
    bottom = top + TITLE_HEIGHT + ROW * len(rows)
    for i, (label, name, spread) in enumerate(rows):
        y = top + TITLE_HEIGHT + ROW * i
        end = bars_left + min(spread.median, AXIS_MAX) * scale
        low, high = (bars_left + min(value, AXIS_MAX) * scale for value in (spread.least, spread.greatest))
        yield f'<text x="{bars_left - 8}" y="{y + 11}" text-anchor="end">{escape(label)}</text>'
        yield (f'<rect class="{bar_class(name)}" x="{bars_left}" y="{y + 1}" width="{end - bars_left:.1f}" '
               f'height="{ROW - 5}"/>')
        yield f'<line class="spread" x1="{low:.1f}" x2="{high:.1f}" y1="{y + 7.5}" y2="{y + 7.5}"/>'
        yield (f'<text class="small" x="{left + width}" y="{y + 11}" text-anchor="end">{spread.median:.2f}'
               '</text>')
    one = bars_left + scale
    yield (f'<line class="one" x1="{one:.1f}" x2="{one:.1f}" y1="{top + TITLE_HEIGHT - 4}" '
           f'y2="{bottom}"/>')


def svg(samples, facts):
    panels = []
    for load, title in PANELS.items():
        rows = [(label, name, samples.kept(load, name))
                for name, label in SHOWN.items() if samples.values(load, name, "rate")]
        if rows:
            panels.append((title, rows))
    panel_width = (WIDTH - PANEL_GAP) // COLUMNS
    panel_height = TITLE_HEIGHT + ROW * len(SHOWN) + 16
    parts = []
    for i, (title, rows) in enumerate(panels):
        left = (i % COLUMNS) * (panel_width + PANEL_GAP)
        parts += panel(left, TOP + (i // COLUMNS) * panel_height, panel_width, title, rows)
    height = TOP + (len(panels) + COLUMNS - 1) // COLUMNS * panel_height
    how = " by processor time" if samples.is_shared() else ""
    note = (f"Share of the untraced throughput that is kept{how}: medians and ranges over interleaved rounds. "
            f"{facts['processors']} processors, kernel {facts['kernel']}.")
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(note)}</title>", f"<style>{STYLE}</style>",
        f'<text class="small" x="0" y="16">{escape(note)}</text>', *parts, "</svg>", ""])
