package pgn

import (
	"strconv"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// ParseClock reads the time of a [%clk]: 1:01:27, 0:02:58.9. Boards also write h:mm.ss or h.mm:ss,
// such as 0:15.16 for 15 minutes and 16 seconds. So a point alone is no sign of a fraction. With
// one digit behind it, the form is m:ss.t. Two numbers such as 1:30 are hours and minutes; 59:01
// can only be minutes and seconds. [Move] says how a whole game decides.
func ParseClock(s string) (relay.Millis, bool) {
	return parseClock(s, false)
}

// parseClock takes two numbers for minutes and seconds if noHours.
func parseClock(s string, noHours bool) (relay.Millis, bool) {
	t, ok := readTime(s)
	if !ok {
		return 0, false
	}
	var h, m, sec, millis int64
	switch n := t.values; t.separators() {
	case ":":
		if noHours || n[0] >= 10 {
			m, sec = n[0], n[1]
		} else {
			h, m = n[0], n[1]
		}
	case ":.":
		switch t.lastDigits {
		case 1:
			m, sec, millis = n[0], n[1], n[2]*100
		case 2:
			h, m, sec = n[0], n[1], n[2]
		default:
			return 0, false
		}
	case "::", ".:":
		h, m, sec = n[0], n[1], n[2]
	case "::.":
		h, m, sec, millis = n[0], n[1], n[2], n[3]
		for i := t.lastDigits; i < 3; i++ {
			millis *= 10
		}
		for i := t.lastDigits; i > 3; i-- {
			millis /= 10
		}
	default:
		return 0, false
	}
	left := relay.Millis(((h*60+m)*60+sec)*1000 + millis)
	return left, left <= relay.MaxClock
}

// writesHours reports whether the time has hours, minutes and seconds.
func writesHours(s string) bool {
	t, ok := readTime(s)
	return ok && (t.separators() == "::" || t.separators() == "::.")
}

// timeText is a time in up to four numbers and the separators between them.
type timeText struct {
	values         [4]int64
	separatorBytes [3]byte // ':' or '.'
	count          int     // of the numbers
	lastDigits     int     // of the last number
}

func (t *timeText) separators() string { return string(t.separatorBytes[:t.count-1]) }

func readTime(s string) (t timeText, ok bool) {
	s = strings.TrimSpace(s)
	for {
		end := len(s) - len(strings.TrimLeft(s, "0123456789"))
		v, ok := digits(s[:end], 6)
		if !ok || t.count == len(t.values) {
			return t, false
		}
		t.values[t.count], t.lastDigits = v, end
		t.count++
		if s = s[end:]; s == "" {
			return t, true
		}
		sign := s[0]
		if sign == ',' {
			sign = '.'
		}
		if sign != ':' && sign != '.' || t.count > len(t.separatorBytes) {
			return t, false
		}
		t.separatorBytes[t.count-1] = sign
		s = s[1:]
	}
}

func digits(s string, most int) (int64, bool) {
	if s == "" || len(s) > most || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// StartClock is both clocks before the first move, from the tags WhiteClock and BlackClock;
// otherwise [relay.NoTime].
func (g *Game) StartClock() relay.Clock {
	c := relay.NoClock()
	if t, ok := ParseClock(g.Known("WhiteClock")); ok {
		c.White = t
	}
	if t, ok := ParseClock(g.Known("BlackClock")); ok {
		c.Black = t
	}
	return c
}

// LiveClock is both clocks at the time of the text, from the tags WhiteClock, BlackClock and a
// Clock such as "B/0:15:29". A side is [relay.NoTime] if they do not say. at is the time in the tag
// ReferenceTime; 0 if it is missing or has no time zone.
//
// Times are those of a [%clk], or seconds. Of two numbers, the second is seconds, unless the moves
// have clocks without seconds.
func (g *Game) LiveClock() (clock relay.Clock, at relay.Millis) {
	clock = relay.NoClock()
	noHours := g.secondsShown()
	for tag, to := range map[string]*relay.Millis{"WhiteClock": &clock.White, "BlackClock": &clock.Black} {
		if t, ok := liveTime(g.Known(tag), noHours); ok {
			*to = t
		}
	}
	side, left := cutSide(g.Known("Clock"))
	if t, ok := liveTime(left, noHours); ok {
		switch side {
		case "W", "WHITE":
			clock.White = t
		case "B", "BLACK":
			clock.Black = t
		}
	}
	_, when := cutSide(g.Known("ReferenceTime"))
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 Z0700"} {
		if t, err := time.Parse(layout, when); err == nil && t.UnixMilli() > 0 {
			return clock, relay.Millis(t.UnixMilli())
		}
	}
	return clock, 0
}

// cutSide splits "B/0:15:29". side is empty if there is none.
func cutSide(s string) (side, rest string) {
	if before, after, found := strings.Cut(s, "/"); found {
		return strings.ToUpper(strings.TrimSpace(before)), strings.TrimSpace(after)
	}
	return "", s
}

// secondsShown reports whether two numbers of a clock are minutes and seconds. They are if some
// move's clock also has hours, or if no move has a clock.
func (g *Game) secondsShown() bool {
	clocks := false
	for i := range g.Moves {
		v, found := g.Moves[i].Command("clk")
		if writesHours(v) {
			return true
		}
		clocks = clocks || found
	}
	return !clocks
}

// liveTime reads a time in a tag, which may be seconds alone.
func liveTime(s string, noHours bool) (relay.Millis, bool) {
	s = strings.TrimSpace(s)
	if !strings.Contains(s, ":") {
		s = "0:00:" + s
	}
	return parseClock(s, noHours)
}

// FormatClock writes the time of a [%clk], with as many decimals as needed.
func FormatClock(t relay.Millis) string { return string(appendClock(nil, t)) }

func appendClock(b []byte, t relay.Millis) []byte {
	t = max(t, 0)
	two := func(n relay.Millis) { b = append(b, ':', byte('0'+n/10%10), byte('0'+n%10)) }
	b = strconv.AppendInt(b, int64(t/3_600_000), 10)
	two(t / 60_000 % 60)
	two(t / 1000 % 60)
	if t %= 1000; t != 0 {
		b = append(b, '.')
		for ; t != 0; t = t % 100 * 10 {
			b = append(b, byte('0'+t/100))
		}
	}
	return b
}
