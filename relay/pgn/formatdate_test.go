package pgn

import (
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
)

func TestFormatDate(t *testing.T) {
	for in, want := range map[string]string{
		"2026.02.24":               "2026.02.24",
		"2026-02-24":               "2026.02.24",
		"2026/2/4":                 "2026.02.04",
		"2026-02-24T14:00:00Z":     "2026.02.24",
		"2026-02-24 14:00":         "2026.02.24",
		" 2026 02 24 ":             "2026.02.24",
		"20260224":                 "2026.02.24",
		"24.02.2026":               "2026.02.24",
		"3.2.2026":                 "2026.02.03",
		"24. 2. 2026":              "2026.02.24",
		"24/02/2026":               "2026.02.24",
		"02/24/2026":               "2026.02.24",
		"2026.24.02":               "2026.02.24",
		"5/5/2026":                 "2026.05.05",
		"24 Feb 2026":              "2026.02.24",
		"24th February, 2026":      "2026.02.24",
		"Feb 24, 2026":             "2026.02.24",
		"september 3 2026":         "2026.09.03",
		"Tue, 24 Feb 2026":         "2026.02.24",
		"Tuesday 24.02.2026 18:00": "2026.02.24",
		"2026.xx.xx":               "2026.??.??",
		"2026.2.xx":                "2026.02.??",
		"24-Feb-2026":              "2026.02.24",
		"2/3/2026":                 "2026.??.??", // the 2nd of March, or the 3rd of February
		"2026-02":                  "2026.02.??",
		"February 2026":            "2026.02.??",
		"2026":                     "2026.??.??",
		"2026.??.??":               "2026.??.??",
		"2026.02.??":               "2026.02.??",
		"2026.02.30":               "2026.02.??",
		"2026.13.14":               "2026.??.??",
		"2026-00-00":               "2026.??.??",
		"29.02.2024":               "2024.02.29",
		"????.??.??":               "",
		"":                         "",
		"tomorrow":                 "",
		"24.02.26":                 "",
		"99999999999":              "",
		"0000.01.01":               "",
	} {
		if got := formatDate(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
		if want != "" && formatDate(want) != want {
			t.Errorf("%q is no fixed point: %q", want, formatDate(want))
		}
	}
}

// TestWriteDates: PGN has no other form, whoever set the tag. A text that is no date leaves the day
// on which the round starts.
func TestWriteDates(t *testing.T) {
	event := Event{Round: &relay.Round{Name: "1", StartsAt: 1_407_927_600_000}}
	for _, tc := range []struct{ name, value, want string }{
		{"Date", "2026-02-24", "[Date \"2026.02.24\"]\n"},
		{"Date", "tomorrow", "[Date \"2014.08.13\"]\n"},
		{"date", "24.02.2026", "[Date \"2026.02.24\"]\n"},
		{"UTCDate", "2026-02-24", "[UTCDate \"2026.02.24\"]\n"},
		{"EventDate", "2026-02-24", "[EventDate \"2026.02.24\"]\n"},
		{"EventDate", "tomorrow", "\n\n *"},
	} {
		g := mustGame(relay.Pairing{Board: 1, Tags: []relay.Tag{{Name: tc.name, Value: tc.value}}}, relay.Ongoing)
		text := new(Writer).Format(g, event)
		if strings.Count(text, tc.want) != 1 || strings.Contains(text, tc.value) && tc.value != "tomorrow" || strings.Contains(text, "tomorrow") {
			t.Errorf("%s %q is written as\n%s", tc.name, tc.value, text)
		}
	}
}

func FuzzDate(f *testing.F) {
	f.Add("2026-02-24")
	f.Add("24th of ???")
	f.Fuzz(func(t *testing.T, s string) {
		out := formatDate(s)
		if out != "" && (len(out) != 10 || strings.Trim(out, "0123456789.?") != "" || formatDate(out) != out) {
			t.Errorf("%q becomes %q", s, out)
		}
	})
}
