package relay

import "strings"

var resultSpelling = strings.NewReplacer(
	"–", "-", "—", "-", "‑", "-", "−", "-", // dashes and the minus sign
	"½", "1/2", "⁄", "/",
	" ", "", ":", "-",
)

// ParseResult reads a result in the spellings that are met: with en dashes and
// spaces, ½-½, 0.5-0.5 and a lone ½. Other outcomes (a forfeit, 0-0, 1/2-0) are
// not among the four that a game can have, and are refused.
func ParseResult(s string) (Result, error) {
	if len(s) <= 32 {
		switch resultSpelling.Replace(s) {
		case "*":
			return Ongoing, nil
		case "1-0":
			return WhiteWins, nil
		case "0-1":
			return BlackWins, nil
		case "1/2-1/2", "1/2", "0.5-0.5", ".5-.5", "0,5-0,5":
			return Draw, nil
		}
	}
	return "", bad("result", `must be "1-0", "0-1", "1/2-1/2" or "*", and is %q`, clip(s, 32))
}

// clip shortens text from outside for an error message.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
