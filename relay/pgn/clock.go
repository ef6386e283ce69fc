package pgn

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// ParseClock reads the time of a [%clk]: 1:01:27, 0:02:58.9, 1:01. Some boards write
// h:mm.ss, such as 0:15.16 for 15 minutes and 16 seconds, so after a single
// colon two digits behind a point are seconds; one digit is tenths, m:ss.t.
func ParseClock(s string) (relay.Millis, bool) {
	s = strings.TrimSpace(s)
	whole, fraction, pointed := strings.Cut(strings.Replace(s, ",", ".", 1), ".")
	parts := strings.Split(whole, ":")
	var n [4]int64
	for i, p := range parts {
		v, ok := digits(p, 6)
		if i > 2 || !ok {
			return 0, false
		}
		n[i] = v
	}
	h, m, sec := n[0], n[1], n[2]
	switch {
	case len(parts) < 2:
		return 0, false
	case len(parts) == 3, !pointed:
	case len(fraction) == 1:
		h, m, sec = 0, n[0], n[1]
	default:
		v, ok := digits(fraction, 2)
		if !ok {
			return 0, false
		}
		sec, pointed = v, false
	}
	millis := int64(0)
	if pointed {
		v, ok := digits((fraction + "00")[:min(3, len(fraction)+2)], 3)
		if _, all := digits(fraction, 9); !ok || !all {
			return 0, false
		}
		millis = v
	}
	t := relay.Millis(((h*60+m)*60+sec)*1000 + millis)
	return t, t <= relay.MaxClock
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
