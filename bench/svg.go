package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// A dotPlot is rows of dots over one logarithmic axis. It is SVG as text, and follows the reader's
// light or dark theme.
type dotPlot struct {
	Title string
	// Note is one line under the title.
	Note string
	// Series are what the dots of a row mean, in the order of their values.
	Series []string
	Rows   []dotRow
	// Format writes a value at the axis and beside a dot.
	Format func(float64) string
}

// dotRow is one row; a value of 0 is missing.
type dotRow struct {
	Label  string
	Strong bool // the plot is about it
	Faint  bool // it does not promise the same as the others
	Values []float64
}

// These are the plot's measures, in SVG's pixels.
const (
	plotWidth  = 860
	plotLeft   = 190 // where the axis begins
	plotRight  = 60  // the space behind its end, for the last value
	plotTop    = 84
	plotRow    = 34
	plotBottom = 36
)

// svgStyle has one colour for our systems and one for the rest, for light and for dark pages.
const svgStyle = `<style>
svg { --page: #ffffff; --ink: #1f2328; --dim: #59636e; --grid: #dde1e6; --ours: #b4440c; --theirs: #3b6fb5; }
@media (prefers-color-scheme: dark) { svg { --page: #0d1117; --ink: #e6edf3; --dim: #9198a1; --grid: #2b313a; --ours: #f0883e; --theirs: #79a8e8; } }
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: var(--ink); }
.title { font-size: 17px; font-weight: 600; } .dim { fill: var(--dim); } .small { font-size: 12px; } .strong { font-weight: 600; }
.page { fill: var(--page); } .grid { stroke: var(--grid); } .ours { --c: var(--ours); } .theirs { --c: var(--theirs); } .key { --c: var(--dim); }
.s0 { fill: var(--c); stroke: var(--c); stroke-width: 2; } .s1 { fill: var(--page); stroke: var(--c); stroke-width: 2; } .s2 { fill: none; stroke: var(--c); stroke-width: 2; }
.span { stroke: var(--c); stroke-width: 2; opacity: .45; } .faint { opacity: .6; }
</style>
`

// axis is a logarithmic axis. lo is at the pixel from, hi is at the pixel to.
type axis struct {
	lo, hi   float64
	from, to float64
}

func (a axis) at(v float64) float64 {
	return a.from + (a.to-a.from)*(math.Log(v)-math.Log(a.lo))/(math.Log(a.hi)-math.Log(a.lo))
}

// logAxis spans the positive values, with some space around them.
func logAxis(values []float64, from, to float64) axis {
	lo, hi := math.Inf(1), 0.0
	for _, v := range values {
		if v > 0 {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if hi == 0 {
		lo, hi = 1, 10
	}
	return axis{lo / 1.25, hi * 1.25, from, to}
}

// ticks are the values of 1, 2 and 5 times a power of ten on the axis. If those are too many, they
// are only the powers of ten.
func (a axis) ticks() (ticks []float64) {
	steps := []float64{1, 2, 5}
	if a.hi/a.lo > 500 {
		steps = steps[:1]
	}
	for e := math.Floor(math.Log10(a.lo)); e <= math.Log10(a.hi); e++ {
		for _, s := range steps {
			if v := s * math.Pow(10, e); v >= a.lo && v <= a.hi {
				ticks = append(ticks, v)
			}
		}
	}
	return ticks
}

// svg draws the plot.
func (p dotPlot) svg() string {
	var b strings.Builder
	height := plotTop + plotRow*len(p.Rows) + plotBottom
	bottom := height - plotBottom
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" aria-label="%s">`+"\n",
		plotWidth, height, html.EscapeString(p.Title))
	b.WriteString(svgStyle)
	fmt.Fprintf(&b, `<rect class="page" width="%d" height="%d"/>`+"\n", plotWidth, height)
	text := func(x, y float64, class, anchor, s string) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(s))
	}
	text(16, 28, "title", "start", p.Title)
	text(16, 48, "dim small", "start", p.Note)

	var all []float64
	for _, r := range p.Rows {
		all = append(all, r.Values...)
	}
	a := logAxis(all, plotLeft, plotWidth-plotRight)
	for _, v := range a.ticks() {
		fmt.Fprintf(&b, `<line class="grid" x1="%.1f" x2="%.1[1]f" y1="%d" y2="%d"/>`+"\n", a.at(v), plotTop-8, bottom)
		text(a.at(v), float64(bottom)+18, "dim small", "middle", p.Format(v))
	}
	if len(p.Series) > 1 { // the key, at the right of the note's line
		x := float64(plotLeft)
		for i, s := range p.Series {
			dot(&b, i, x, 66, "key")
			text(x+10, 70, "dim small", "start", s)
			x += 34 + 7*float64(len(s))
		}
	}
	for i, r := range p.Rows {
		y := float64(plotTop + plotRow*i + plotRow/2)
		class, label := "theirs", ""
		if r.Strong {
			class, label = "ours", "strong"
		}
		if r.Faint {
			class += " faint"
		}
		text(plotLeft-14, y+4, label, "end", r.Label)
		span := logAxis(r.Values, 0, 1)
		if span.hi > span.lo*1.6 {
			fmt.Fprintf(&b, `<line class="span %s" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1[4]f"/>`+"\n", class, a.at(span.lo*1.25), a.at(span.hi/1.25), y)
		}
		for j, v := range r.Values {
			if v > 0 {
				dot(&b, j, a.at(v), y, class)
				x, anchor := labelPlace(a, r.Values, v)
				text(x, y-9, "small", anchor, p.Format(v))
			}
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// labelPlace is where the label of v goes: above its dot, or away from another dot that is too
// near.
func labelPlace(a axis, values []float64, v float64) (x float64, anchor string) {
	const near = 48
	x, anchor = a.at(v), "middle"
	for _, o := range values {
		switch d := a.at(max(o, a.lo)) - x; {
		case o <= 0 || o == v || math.Abs(d) > near:
		case d > 0:
			return x - 1, "end"
		default:
			return x + 1, "start"
		}
	}
	return x, anchor
}

// dot draws the mark of a series: a full circle, an empty one, a diamond.
func dot(b *strings.Builder, series int, x, y float64, class string) {
	if series < 2 {
		fmt.Fprintf(b, `<circle class="s%d %s" cx="%.1f" cy="%.1f" r="5"/>`+"\n", series, class, x, y)
		return
	}
	fmt.Fprintf(b, `<path class="s2 %s" d="M%.1f %.1fl6 6l-6 6l-6-6z"/>`+"\n", class, x, y-6)
}
