package terminal

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// A Table is rows of cells under headings.
type Table struct {
	Head []string
	Rows [][]string
}

// gap stands between two columns.
const gap = "  "

// widths is how wide each column is.
func (t *Table) widths() []int {
	w := make([]int, len(t.Head))
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		for i, cell := range row {
			w[i] = max(w[i], utf8.RuneCountInString(Clean(cell)))
		}
	}
	return w
}

// width is how many columns of a terminal a line takes.
func (t *Table) width() int {
	sum := len(gap) * (len(t.Head) - 1)
	for _, w := range t.widths() {
		sum += w
	}
	return sum
}

// Fit leaves out columns, in the order of expendable, until a line takes at most this many columns;
// 0: no limit. It returns the headings of the omitted ones.
func (t *Table) Fit(columns int, expendable ...string) (left []string) {
	for _, name := range expendable {
		if columns == 0 || t.width() <= columns {
			break
		}
		at := slices.Index(t.Head, name)
		t.Head = slices.Delete(t.Head, at, at+1)
		for i := range t.Rows {
			t.Rows[i] = slices.Delete(t.Rows[i], at, at+1)
		}
		left = append(left, name)
	}
	return left
}

// String is the table as lines, none of which ends in spaces.
func (t *Table) String() string {
	var b strings.Builder
	w := t.widths()
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		var line strings.Builder
		for i, cell := range row {
			if i > 0 {
				line.WriteString(gap)
			}
			cell = Clean(cell)
			line.WriteString(cell + strings.Repeat(" ", w[i]-utf8.RuneCountInString(cell)))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// Wrap breaks text between words, so that no line takes more than this many columns; 0: no limit. A
// longer word is cut.
func Wrap(text string, columns int) string {
	if columns <= 0 {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		room := columns
		for i, word := range strings.Split(strings.TrimSuffix(line, "\n"), " ") {
			n := utf8.RuneCountInString(word)
			switch {
			case i == 0:
			case n+1 <= room:
				b.WriteString(" ")
				room--
			default:
				b.WriteString("\n")
				room = columns
			}
			if n > room {
				word, n = string([]rune(word)[:max(room-1, 0)])+"…", room
			}
			b.WriteString(word)
			room -= n
		}
		if strings.HasSuffix(line, "\n") {
			b.WriteString("\n")
		}
	}
	return b.String()
}
