package main

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// table is rows of cells under headings.
type table struct {
	head []string
	rows [][]string
}

// gap stands between two columns.
const gap = "  "

// widths is how wide each column is.
func (t *table) widths() []int {
	w := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			w[i] = max(w[i], utf8.RuneCountInString(clean(cell)))
		}
	}
	return w
}

// width is how many columns of a terminal a line takes.
func (t *table) width() int {
	sum := len(gap) * (len(t.head) - 1)
	for _, w := range t.widths() {
		sum += w
	}
	return sum
}

// fit leaves out columns, in the order of expendable, until a line takes no more than
// columns; 0: it may be as long as it will. It returns the headings of those it left out.
func (t *table) fit(columns int, expendable ...string) (left []string) {
	for _, name := range expendable {
		if columns == 0 || t.width() <= columns {
			break
		}
		at := slices.Index(t.head, name)
		t.head = slices.Delete(t.head, at, at+1)
		for i := range t.rows {
			t.rows[i] = slices.Delete(t.rows[i], at, at+1)
		}
		left = append(left, name)
	}
	return left
}

// String is the table with its lines, none of which ends in spaces.
func (t *table) String() string {
	var b strings.Builder
	w := t.widths()
	for _, row := range append([][]string{t.head}, t.rows...) {
		var line strings.Builder
		for i, cell := range row {
			if i > 0 {
				line.WriteString(gap)
			}
			cell = clean(cell)
			line.WriteString(cell + strings.Repeat(" ", w[i]-utf8.RuneCountInString(cell)))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// wrap breaks text between words, so that no line takes more than columns; 0: it
// may be as long as it will. A word that is longer is cut.
func wrap(text string, columns int) string {
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
