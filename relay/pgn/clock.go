package pgn

import (
	"strconv"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// ParseClock reads the time of a [%clk]: 1:01:27, 0:02:58.9. Boards write other
// forms too: h:mm.ss or h.mm:ss, such as 0:15.16 for 15 minutes and 16 seconds, so
// a point is no sign of a fraction by itself. With one digit behind it, it is
// m:ss.t. Of two numbers, 1:30 is hours and minutes, and 59:01 can only be
// minutes and seconds; see [Move] for how a whole game settles it.
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
	switch n := t.values; t.signs() {
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
	return ok && (t.signs() == "::" || t.signs() == "::.")
}

// A timeText is a time taken apart into up to four numbers and the signs between them.
type timeText struct {
	values     [4]int64
	between    [3]byte // ':' or '.'
	count      int     // of the numbers
	lastDigits int     // of the last number
}

func (t *timeText) signs() string { return string(t.between[:t.count-1]) }

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
		if sign != ':' && sign != '.' || t.count > len(t.between) {
			return t, false
		}
		t.between[t.count-1] = sign
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

// StartClock is what both clocks showed before the first move, from the tags WhiteClock and
// BlackClock. A side is [relay.NoTime] if they do not say.
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

// RunningClock is what the clock of the side to move showed when the text was written, from
// a tag such as [Clock "B/0:15.29"]. The other side, and both if there is no such tag, are [relay.NoTime]. When that was
// stands in the tag ReferenceTime, if at all.
func (g *Game) RunningClock() relay.Clock {
	c := relay.NoClock()
	side, left, _ := strings.Cut(g.Known("Clock"), "/")
	t, ok := ParseClock(left)
	switch {
	case ok && strings.EqualFold(side, "W"):
		c.White = t
	case ok && strings.EqualFold(side, "B"):
		c.Black = t
	}
	return c
}

// FormatClock writes the time as [%clk] has it: whole seconds, or as many decimals as it takes.
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
