package relay

import (
	"strconv"
	"strings"
)

// A Control is one period of a time control.
type Control struct {
	Moves     int    `json:"moves,omitempty"`     // in this period; 0: the rest of the game
	Time      Millis `json:"time"`                // that a player gets at its start
	Increment Millis `json:"increment,omitempty"` // that a player gets for each move
	Delay     Millis `json:"delay,omitempty"`     // before the clock runs at each move
}

// maxControls is how many periods a time control may have; three are in use.
const maxControls = 8

// ParseTimeControl reads a time control in common spellings:
//
//	40/5400+30:1800+30                  the PGN standard's (9.6.1), in seconds
//	90+30, 3+2, 15 min + 10 sec, 90'+30"  minutes and seconds, as servers and arbiters write them
//	40/90+30, SD/30+30                  several periods in a row
//
// ok is false for what it cannot read, and for ? and -. Then show the text as it is.
//
// A time without a unit is in seconds from 180 on, and in minutes below. Nobody plays three hours
// in one period and writes them so, and no game of less than three minutes is broadcast.
func ParseTimeControl(text string) (controls []Control, ok bool) {
	if len(text) > MaxTimeControl {
		return nil, false
	}
	text = timeSpelling.Replace(strings.NewReplacer(" ", "", "\u00a0", "").Replace(strings.ToLower(text)))
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ':' || r == ',' || r == ';' }) {
		c, ok := parseControl(part)
		if !ok || len(controls) == maxControls {
			return nil, false
		}
		controls = append(controls, c)
	}
	for i, c := range controls {
		if i < len(controls)-1 && c.Moves == 0 {
			return nil, false // nothing can follow the rest of the game
		}
	}
	return controls, len(controls) > 0
}

// timeSpelling writes minutes and seconds as m and s.
var timeSpelling = strings.NewReplacer(
	"minutes", "m", "minute", "m", "mins", "m", "min", "m", "seconds", "s", "second", "s", "secs", "s", "sec", "s",
	"′′", "s", "''", "s", "″", "s", "”", "s", "\"", "s", "′", "m", "’", "m", "'", "m", "/move", "", "permove", "", "moves/", "/", "moves", "/", "sd/", "", "g/", "", "|", "+",
)

// Controls returns the game's time control; nil if there is none that can be read.
func (p *Pairing) Controls() []Control {
	controls, _ := ParseTimeControl(p.TimeControl)
	return controls
}

func parseControl(s string) (c Control, ok bool) {
	if moves, rest, found := strings.Cut(s, "/"); found {
		if c.Moves, ok = digits(moves); !ok || c.Moves == 0 || c.Moves > MaxPlies {
			return c, false
		}
		s = rest
	}
	s = strings.TrimPrefix(s, "*") // a sandclock; nearly the same
	base, add, increments := strings.Cut(s, "+")
	delays := false
	if !increments {
		base, add, delays = strings.Cut(s, "d") // as the US Chess Federation has it: 90d5
	}
	if c.Time, ok = duration(base, 180); !ok {
		return c, false
	}
	var more Millis
	if increments || delays {
		if more, ok = duration(add, 0); !ok {
			return c, false
		}
	}
	if increments {
		c.Increment = more
	} else {
		c.Delay = more
	}
	return c, c.Time+more > 0
}

// duration reads a time. A number without a unit is in seconds from seconds on, and in minutes
// below.
func duration(s string, seconds int) (Millis, bool) {
	unit := Millis(0)
	switch {
	case strings.HasSuffix(s, "m"):
		s, unit = strings.TrimSuffix(s, "m"), 60_000
	case strings.HasSuffix(s, "s"):
		s, unit = strings.TrimSuffix(s, "s"), 1000
	}
	n, ok := digits(s)
	if unit == 0 {
		unit = 1000
		if n < seconds {
			unit = 60_000
		}
	}
	t := Millis(n) * unit
	return t, ok && t <= MaxClock
}

// digits reads a number of at most six plain digits.
func digits(s string) (int, bool) {
	if s == "" || len(s) > 6 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}
