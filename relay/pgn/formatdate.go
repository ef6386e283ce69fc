package pgn

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// formatDate is a date in PGN's form, such as 2026.02.24, with question marks for unknown parts. It
// reads the forms of programs and people: 2026-02-24T14:00:00Z, 24.02.2026, 2/24/2026, Tue, 24
// February 2026, 20260224. It is empty if the text has no year. An ambiguous date such as 2/3/2026
// keeps only the year.
func formatDate(text string) string {
	d, ok := readDate(text)
	if !ok {
		return ""
	}
	day := time.Date(d.year, time.Month(d.month), d.day, 0, 0, 0, 0, time.UTC)
	switch {
	case d.month < 1 || d.month > 12:
		return fmt.Sprintf("%04d.??.??", d.year)
	case d.day < 1 || int(day.Month()) != d.month: // such as the 30th of February
		return fmt.Sprintf("%04d.%02d.??", d.year, d.month)
	}
	return fmt.Sprintf("%04d.%02d.%02d", d.year, d.month, d.day)
}

// date is a date; an unknown month or day is 0.
type date struct{ year, month, day int }

func readDate(text string) (d date, ok bool) {
	text = strings.TrimSpace(text)
	if len(text) > 64 {
		return d, false
	}
	if n, ok := digits(text, 8); ok && len(text) == 8 {
		return date{int(n / 10_000), int(n / 100 % 100), int(n % 100)}, n >= 1000_00_00
	}
	parts := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" .,-/–\u00a0", r) })
	if len(parts) > 3 && isWeekday(parts[0]) {
		parts = parts[1:]
	}
	if len(parts) > 3 {
		parts = parts[:3] // the time of day follows
	}
	for i, part := range parts { // and here it has no space before it
		if day, _, found := strings.Cut(part, "T"); found && i == 2 {
			parts[i] = day
		}
	}
	for len(parts) < 3 {
		parts = append(parts, "?")
	}
	first, second, third := parts[0], parts[1], parts[2]
	switch {
	case isYear(first):
		d = date{number4(first), monthOf(second), number4(third)}
		if d.month > 12 && d.day <= 12 {
			d.month, d.day = d.day, d.month
		}
	case isYear(third) && monthOf(first) > 0 && number4(first) == 0: // February 24, 2026
		d = date{number4(third), monthOf(first), number4(second)}
	case isYear(third):
		d = date{number4(third), monthOf(second), number4(first)}
		switch {
		case d.month > 12 && d.day <= 12:
			d.month, d.day = d.day, d.month
		case d.day <= 12 && d.day != d.month && number4(second) > 0 && !strings.Contains(text, "."):
			d.month, d.day = 0, 0 // ambiguous: only with points is the day surely first
		}
	case isYear(second) && third == "?": // February 2026, 02/2026
		d = date{number4(second), monthOf(first), 0}
	}
	return d, d.year > 0
}

func isYear(s string) bool {
	n, ok := digits(s, 4)
	return ok && n >= 1000
}

// number4 is a number of up to four digits, perhaps an ordinal such as 24th, or 0.
func number4(s string) int {
	if n := len(s) - 2; n > 0 && strings.Contains("st nd rd th", strings.ToLower(s[n:])) {
		s = s[:n]
	}
	n, _ := digits(s, 4)
	return int(n)
}

func isWeekday(s string) bool {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if startsName(d.String(), s) {
			return true
		}
	}
	return false
}

// startsName reports whether s is the name, or at least three letters of its beginning.
func startsName(name, s string) bool {
	return len(s) >= 3 && len(s) <= len(name) && strings.EqualFold(s, name[:len(s)])
}

// monthOf is the number of a month that is written in digits or in English, or 0.
func monthOf(s string) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	for m := time.January; m <= time.December; m++ {
		if startsName(m.String(), s) {
			return int(m)
		}
	}
	return 0
}
