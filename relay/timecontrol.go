package relay

import (
	"strconv"
	"strings"
)

// A Control is one stretch of a time control.
type Control struct {
	Moves     int    `json:"moves,omitempty"`     // that it is for; 0: the rest of the game
	Time      Millis `json:"time"`                // that a player gets at its beginning
	Increment Millis `json:"increment,omitempty"` // that he gets for each move
	Delay     Millis `json:"delay,omitempty"`     // that passes at each move before his clock runs
}

// maxControls is how many stretches a time control may have; three are in use.
const maxControls = 8

// ParseTimeControl reads a time control as it is met: that of the PGN standard (9.6.1: 40/5400+30:1800+30, in seconds),
// minutes and seconds as servers and arbiters write them (90+30, 3+2, 15 min + 10 sec, 90'+30"), and several stretches behind
// each other (40/90+30, SD/30+30). ok is false of what cannot be read, and of ? and -: then nothing is known
// of the clocks' way to go, and the text is to be shown as it is.
//
// A time without a unit is in seconds if it is 180 or more, in minutes else: nobody plays three hours at a stretch and writes
// them so, and no game of less than three minutes is broadcast.
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
			return nil, false // the rest of the game, and then some more
		}
	}
	return controls, len(controls) > 0
}

// timeSpelling has m and s for minutes and seconds.
var timeSpelling = strings.NewReplacer(
	"minutes", "m", "minute", "m", "mins", "m", "min", "m", "seconds", "s", "second", "s", "secs", "s", "sec", "s",
	"′′", "s", "''", "s", "″", "s", "”", "s", "\"", "s", "′", "m", "’", "m", "'", "m", "/move", "", "permove", "", "moves/", "/", "moves", "/", "sd/", "", "g/", "", "|", "+",
)

// Controls is the game's time control, nil if there is none that can be read.
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

// duration reads a time. Without a unit it is in seconds from the number on, and in minutes below.
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

// digits reads a number of plain digits, six at most.
func digits(s string) (int, bool) {
	if s == "" || len(s) > 6 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}
