package relay

import "strings"

// Every text and number from a client has a limit. Apply checks it, and not only the node that
// received it, so that all nodes agree. Lengths are in bytes. A limit is a part of the state
// machine: a new limit refuses other commands, and all nodes of a cluster must do so from the same
// index on.
const (
	MaxName        = 200 // of a name, a location, and most fields of a tournament
	MaxDescription = 20_000
	MaxReason      = 500
	MaxWho         = 200 // Command.by
	MaxRequest     = 200 // Command.request
	maxFrom        = 200 // Command.from
	MaxShortText   = 100 // federation, variant
	MaxTimeControl = 500 // of a game; organisers write whole sentences, in two languages
	MaxTitle       = 16

	MaxRating = 4000
	MaxFideID = 999_999_999_999
	MaxDelay  = 3600 // seconds
	MaxBoard  = 1000
	MaxRounds = 1000 // of a tournament

	MaxPlies        = 1200   // of a game; the longest one of a championship had 272
	MaxChanges      = 1000   // lines of a game's audit trail
	MaxRemoved      = 10_000 // moves of a game that were taken back, in all
	MaxCorrection   = 1000   // moves of one correction
	MaxUpdates      = 1000   // updates of a tournament or a round
	MaxSources      = 100    // rounds that have a source
	MaxSourceURL    = 2000
	MaxRoundSources = 8 // sources of a round
	MaxSlices       = 500
	MaxReplacements = 28_000 // bytes of a tournament's replacements, and of its teams
	MaxWebsite      = 500
	MaxInterval     = 3600 // seconds between two polls of a source
	MaxTags         = 64   // of a game
	MaxTagName      = 64
	MaxTagValue     = 500

	MaxClock Millis = 10 * 24 * 60 * 60 * 1000 // ten days
	maxTime  Millis = 253_402_300_799_999      // the end of the year 9999
)

// checkText refuses text that is too long or could disturb a terminal, a log or a page. The
// characters are listed here, since the tables of package unicode change with the Go version.
func checkText(field, s string, limit int, multiline bool) error {
	if len(s) > limit {
		return bad(field, "must have at most %d bytes, not %d", limit, len(s))
	}
	if plainText(s) {
		return nil
	}
	for _, r := range s {
		switch {
		case multiline && (r == '\n' || r == '\t' || r == '\r'):
		case r < 0x20 || r >= 0x7f && r <= 0x9f:
			return bad(field, "must not contain control characters (it has U+%04X)", r)
		case r == 0x2028 || r == 0x2029, // line and paragraph separator
			r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // change of direction
			return bad(field, "must not contain invisible control characters (it has U+%04X)", r)
		}
	}
	return nil
}

// checkName is checkText for a text that must not be empty.
func checkName(field, s string) error {
	if strings.Trim(s, " \u00a0\u3000\u200b") == "" {
		return bad(field, "is required")
	}
	return checkText(field, s, MaxName, false)
}

func checkTime(field string, t int64) error {
	if t < 0 || Millis(t) > maxTime {
		return bad(field, "must be a time in Unix milliseconds, not %d", t)
	}
	return nil
}

func checkRange(field string, n, low, high int64) error {
	if n < low || n > high {
		return bad(field, "must be from %d to %d, not %d", low, high, n)
	}
	return nil
}

// firstError returns the first error that is not nil.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
