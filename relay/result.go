package relay

import "strings"

var resultSpelling = strings.NewReplacer(
	"–", "-", "—", "-", "‑", "-", "−", "-", // dashes and the minus sign
	"½", "1/2", "⁄", "/",
	" ", "", ":", "-",
)

// ParseResult reads one of the four results of a game that was played, in common spellings: with en
// dashes and spaces, ½-½, 0.5-0.5 and a lone ½. It does not read 0-0, which in the moves of a PGN
// is castling; see [ParseScore].
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
	return "", bad("result", `must be "1-0", "0-1", "1/2-1/2" or "*", not %q`, clip(s, 32))
}

var scoreSpelling = strings.NewReplacer("‐", "-", "‒", "-", "_", "-", "0.5", "1/2", "0,5", "1/2", "f", "F")

// ParseScore reads every result that a game can have, in the spellings of tournament programs:
// those of [ParseResult], half a point for one side, no point for both, and forfeits (+/-, - : +,
// 1-0F). A forfeit is the result that it counts as, with the mark.
func ParseScore(s string) (r Result, forfeit bool, err error) {
	if r, err := ParseResult(s); err == nil {
		return r, false, nil
	}
	if len(s) <= 32 {
		switch scoreSpelling.Replace(resultSpelling.Replace(s)) {
		case "1-0":
			return WhiteWins, false, nil
		case "0-1":
			return BlackWins, false, nil
		case "1/2-1/2", "=", "=-=", "=/=":
			return Draw, false, nil
		case "0-0":
			return BothLose, false, nil
		case "1/2-0":
			return WhiteHalf, false, nil
		case "0-1/2":
			return BlackHalf, false, nil
		case "+/-", "+--", "1-0F", "1F-0F", "1F-0":
			return WhiteWins, true, nil
		case "-/+", "--+", "0-1F", "0F-1F", "0F-1":
			return BlackWins, true, nil
		case "-/-", "---", "0-0F", "0F-0F":
			return BothLose, true, nil
		case "1/2-1/2F", "1/2F-1/2F":
			return Draw, true, nil
		}
	}
	return "", false, bad("result", `must be "1-0", "0-1", "1/2-1/2", "0-0", "1/2-0", "0-1/2", "*" or a forfeit such as "+/-", not %q`, clip(s, 32))
}

// scoreOf returns the result that a command sets.
func scoreOf(text string, forfeit bool) (Result, bool, error) {
	r, spelt, err := ParseScore(text)
	if err == nil && forfeit && r == Ongoing {
		return "", false, bad("forfeit", "needs a result: the game goes on")
	}
	return r, forfeit || spelt, err
}

// clip shortens a client's text for an error message.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
