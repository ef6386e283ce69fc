package terminal

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// A Display shows something that changes. On a terminal each picture replaces the one before; in a
// file it is appended.
type Display struct {
	w        io.Writer
	terminal *os.File // nil: w is no terminal
	drawn    bool     // owned by the caller of Show
}

// NewDisplay returns a display on w, which may be a terminal.
func NewDisplay(w io.Writer) *Display {
	s := &Display{w: behind(w)}
	if f, ok := s.w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.terminal = f
	}
	return s
}

// Size is how many columns and lines the terminal has now; 0: no limit.
func (s *Display) Size() (columns, lines int) {
	if s.terminal == nil {
		return 0, 0
	}
	columns, lines, err := term.GetSize(int(s.terminal.Fd()))
	if err != nil {
		return 0, 0
	}
	return columns, lines
}

// Show draws picture, whose last line ends in a newline. On a terminal it writes the picture in one
// piece over the one before, so that nothing is blank for a moment. Lines without room are left out
// and counted.
func (s *Display) Show(picture string) error {
	picture = string(appendClean(nil, []byte(picture), "\n"))
	if s.terminal == nil {
		_, err := io.WriteString(s.w, picture+"\n")
		return err
	}
	const home, clearLine, clearBelow, clearAll = "\x1b[H", "\x1b[K", "\x1b[J", "\x1b[2J"
	_, height := s.Size()
	lines := strings.Split(strings.TrimSuffix(picture, "\n"), "\n")
	if height > 1 && len(lines) > height-1 { // the cursor stands in the last line
		more := len(lines) - (height - 2)
		lines = append(lines[:height-2:height-2], fmt.Sprintf("… and %d more lines", more))
	}
	var b bytes.Buffer
	if !s.drawn {
		b.WriteString(clearAll)
		s.drawn = true
	}
	b.WriteString(home)
	for _, line := range lines {
		b.WriteString(line + clearLine + "\r\n")
	}
	b.WriteString(clearBelow)
	_, err := s.w.Write(b.Bytes())
	return err
}
