package relay

import (
	"slices"
	"strings"
)

// ParseVariant reads a variant in common spellings, such as "Chess 960", "fischerandom" or "From
// Position". It returns [Chess960], or an empty text for standard chess. Anything else is an
// [ErrVariant].
func ParseVariant(s string) (string, error) {
	if len(s) > MaxShortText {
		return "", bad("variant", "is too long")
	}
	variant, known := variantOf(s)
	if !known {
		return "", noSuchVariant(s)
	}
	return variant, nil
}

// SourceVariant is [ParseVariant] for what a source says. The tag may have anything there: "Rapid",
// the name of an opening. An unknown word is standard chess. Only a variant with rules of its own
// is an [ErrVariant].
func SourceVariant(s string) (string, error) {
	if variant, known := variantOf(s); known {
		return variant, nil
	}
	letters := lettersOf(s)
	for _, name := range []string{"variant", "lichess", "chess", "960"} {
		letters = strings.ReplaceAll(letters, name, "")
	}
	if slices.Contains(otherRules, letters) || slices.ContainsFunc(otherRules, func(name string) bool {
		const distinct = 6 // letters that no other word has by chance
		return len(name) >= distinct && strings.Contains(letters, name)
	}) {
		return "", noSuchVariant(s)
	}
	if strings.Contains(lettersOf(s), "960") || strings.Contains(letters, "fischer") || strings.Contains(letters, "fisherrandom") {
		return Chess960, nil // such as Schach960, Fischer-Schach
	}
	return "", nil
}

func noSuchVariant(s string) error {
	return &variantError{"the variant \"" + clip(s, 32) + "\" is not supported: only standard chess and Chess960 are"}
}

// variantOf knows the names of the two variants.
func variantOf(s string) (variant string, known bool) {
	switch strings.TrimPrefix(lettersOf(s), "lichess") {
	case "", "standard", "standardchess", "chess", "normal", "normalchess", "classical", "classicalchess", "classic", "orthodox", "orthodoxchess", "regular",
		"regularchess", "western", "westernchess", "international", "fromposition", "setup", "setupposition", "fide", "rapid", "rapidchess", "blitz",
		"blitzchess", "bullet", "lightning", "correspondence", "none", "no", "unknown":
		return "", true
	case "chess960", "960", "c960", "960chess", "chess9lx", "9lx", "fischerandom", "fischerandomchess", "fischerrandom", "fischerrandomchess", "fisherandom",
		"fisherrandom", "fisherrandomchess", "fischerchess", "frc", "freestyle", "freestylechess", "freestylechess960", "chess960freestyle", "dfrc",
		"doublefischerrandom", "chess960fischerrandom", "fischerrandomchess960", "fischerrandom960":
		return Chess960, true
	}
	return "", false
}

// otherRules are the variants that cannot be played as standard chess, without the word chess.
var otherRules = []string{
	"crazyhouse", "zh", "bughouse", "atomic", "anti", "suicide", "giveaway", "losers", "losing", "misere", "horde", "kingofthehill", "koth",
	"threecheck", "3check", "fivecheck", "5check", "racingkings", "fogofwar", "dark", "kriegspiel", "capablanca", "gothic", "janus", "seirawan", "s",
	"shogi", "minishogi", "xiangqi", "makruk", "sittuyin", "janggi", "shatranj", "chaturanga", "duck", "torpedo", "alice", "knightmate",
	"progressive", "marseillais", "berolina", "cylinder", "extinction", "placement", "pocketknight", "coregal", "grand", "spartan", "fairy",
	"4player", "fourplayer", "monster", "hexagonal", "losalamos", "gardner", "checkers", "draughts", "go",
}

// lettersOf returns the letters and digits of the text, in lower case.
func lettersOf(s string) string {
	letters := make([]byte, 0, len(s))
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'A' && c <= 'Z':
			letters = append(letters, c+'a'-'A')
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			letters = append(letters, c)
		}
	}
	return string(letters)
}
