package pgn

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// cleanDate returns a tag's value. A date in another unambiguous form gets PGN's form, 2026.02.24.
// Anything else stays as it is.
func cleanDate(t Tag) string {
	switch strings.ToLower(t.Name) {
	case "date", "eventdate", "utcdate", "startdate", "enddate":
	default:
		return t.Value
	}
	for _, form := range dateForms {
		m := form.re.FindStringSubmatch(t.Value)
		if m == nil {
			continue
		}
		year, month, day := m[form.year], "", ""
		if form.month > 0 {
			month = m[form.month]
		}
		if form.day > 0 {
			day = m[form.day]
		}
		s, ok := pgnDate(year, month, day)
		if form.either {
			// 24/2 and 2/24 are one day, but 4/2 is two.
			other, also := pgnDate(year, day, month)
			if ok && also && other != s {
				continue
			}
			if !ok {
				s, ok = other, also
			}
		}
		if ok {
			return s
		}
	}
	return t.Value
}

// dateForms say which group of an expression is which part of a date.
var dateForms = []struct {
	re               *regexp.Regexp
	year, month, day int
	either           bool // day and month may have changed places
}{
	{re: regexp.MustCompile(`^(\d{4})[-/.](\d{1,2}|\?\??|xx)[-/.](\d{1,2}|\?\??|xx)(?:[T ]\d\d:\d\d.*)?$`), year: 1, month: 2, day: 3},
	{re: regexp.MustCompile(`^(\d{4}|\?{4})[-/.](\d{1,2}|\?\?)(?:[-/.]\?\?)?$`), year: 1, month: 2},
	{re: regexp.MustCompile(`^(\?{4})[-/.](\?\?)[-/.](\?\?)$`), year: 1},
	{re: regexp.MustCompile(`^(\d{4})$`), year: 1},
	{re: regexp.MustCompile(`^(\d{4})(\d\d)(\d\d)$`), year: 1, month: 2, day: 3},
	{re: regexp.MustCompile(`^(\d{1,2})\. ?(\d{1,2})\. ?(\d{4})$`), year: 3, month: 2, day: 1},
	{re: regexp.MustCompile(`^(\d{1,2})[-/.] ?(\d{1,2})[-/.] ?(\d{4})$`), year: 3, month: 2, day: 1, either: true},
	{re: regexp.MustCompile(`^(?i:\w{3,9},? )?(\d{1,2})[. -]{1,2}([A-Za-z]{3,9})[. ,-]{1,2}(\d{4})$`), year: 3, month: 2, day: 1},
	{re: regexp.MustCompile(`^(?i:\w{3,9},? )?([A-Za-z]{3,9})[. -]{1,2}(\d{1,2})(?:st|nd|rd|th)?[. ,-]{1,2}(\d{4})$`), year: 3, month: 1, day: 2},
}

// pgnDate writes a date. A part that is 0 or no number is unknown.
func pgnDate(year, month, day string) (string, bool) {
	y, _ := strconv.Atoi(year)
	m, _ := strconv.Atoi(month)
	d, _ := strconv.Atoi(day)
	if len(month) > 2 { // its name
		t, err := time.Parse("Jan", month[:3])
		if err != nil {
			return "", false
		}
		m = int(t.Month())
	}
	known := func(n, digits int) string {
		if n == 0 {
			return strings.Repeat("?", digits)
		}
		return fmt.Sprintf("%0*d", digits, n)
	}
	out := known(y, 4) + "." + known(m, 2) + "." + known(d, 2)
	switch {
	case y != 0 && (y < 1000 || y > 2999) || m > 12 || d > 31:
		return "", false
	case y != 0 && m != 0 && d != 0:
		_, err := time.Parse("2006.01.02", out)
		return out, err == nil
	}
	return out, true
}
