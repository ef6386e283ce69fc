package pgn

import (
	"fmt"
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
	n, signs, ok := numbers(strings.TrimSpace(s))
	if !ok {
		return 0, false
	}
	var h, m, sec, millis int64
	switch {
	case signs == ":" && (noHours || n[0].value >= 10):
		m, sec = n[0].value, n[1].value
	case signs == ":":
		h, m = n[0].value, n[1].value
	case signs == ":." && n[2].digits == 1:
		m, sec, millis = n[0].value, n[1].value, n[2].value*100
	case signs == "::", signs == ".:", signs == ":." && n[2].digits == 2:
		h, m, sec = n[0].value, n[1].value, n[2].value
	case signs == "::.":
		h, m, sec, millis = n[0].value, n[1].value, n[2].value, n[3].value
		for i := n[3].digits; i < 3; i++ {
			millis *= 10
		}
		for i := n[3].digits; i > 3; i-- {
			millis /= 10
		}
	default:
		return 0, false
	}
	t := relay.Millis(((h*60+m)*60+sec)*1000 + millis)
	return t, t <= relay.MaxClock
}

// writesHours reports whether the time has hours, minutes and seconds.
func writesHours(s string) bool {
	_, signs, ok := numbers(strings.TrimSpace(s))
	return ok && (signs == "::" || signs == "::.")
}

type clockNumber struct {
	value  int64
	digits int
}

// numbers takes the time apart into its numbers and the signs between them.
func numbers(s string) (n []clockNumber, signs string, ok bool) {
	for {
		end := len(s) - len(strings.TrimLeft(s, "0123456789"))
		v, ok := digits(s[:end], 6)
		if !ok || len(n) == 4 {
			return nil, "", false
		}
		n = append(n, clockNumber{v, end})
		if s = s[end:]; s == "" {
			return n, signs, true
		}
		switch s[0] {
		case ':':
			signs += ":"
		case '.', ',':
			signs += "."
		default:
			return nil, "", false
		}
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

// FormatClock writes the time as [%clk] has it, with tenths of a second if it has any.
func FormatClock(t relay.Millis) string {
	t = max(t, 0) / 100
	s := fmt.Sprintf("%d:%02d:%02d", t/36000, t/600%60, t/10%60)
	if t%10 != 0 {
		s += fmt.Sprintf(".%d", t%10)
	}
	return s
}
