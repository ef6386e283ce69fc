package relay

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// SimilarKeys reports whether two keys of names may be two spellings of one name. Each word of the
// shorter key must be a word of the longer one, begin one (an initial), or differ from one in few
// letters. The ways to write a name in Latin letters are similar, too: "müller", "mueller" and
// "muller", "юферов" and "yuferov". Numbers must be the same.
func SimilarKeys(a, b string) bool {
	if digitsOf(a) != digitsOf(b) {
		return false
	}
	short, long := strings.Fields(foldKey(a)), strings.Fields(foldKey(b))
	if len(short) > len(long) {
		short, long = long, short
	}
	slices.SortStableFunc(short, func(a, b string) int { return len(b) - len(a) })
	used, telling := make([]bool, len(long)), false
	for _, w := range short {
		best, how := -1, 0
		for i, l := range long {
			if h := spelling(w, l); !used[i] && h > how {
				best, how = i, h
			}
		}
		if best < 0 {
			return false
		}
		used[best] = true
		telling = telling || how > initial
	}
	return telling
}

// latin replaces the letters that are not a Latin letter with a mark.
var latin = strings.NewReplacer(
	"ł", "l", "ø", "o", "đ", "d", "ð", "d", "þ", "th", "æ", "ae", "œ", "oe", "ı", "i", "ß", "ss",
	"а", "a", "б", "b", "в", "v", "г", "g", "ґ", "g", "д", "d", "е", "e", "є", "ie", "ж", "zh", "з", "z", "и", "i",
	"і", "i", "к", "k", "л", "l", "м", "m", "н", "n", "о", "o", "п", "p", "р", "r", "с", "s", "т", "t", "у", "u",
	"ф", "f", "х", "h", "ц", "ts", "ч", "ch", "ш", "sh", "щ", "shch", "ъ", "", "ы", "i", "ь", "", "э", "e", "ю", "iu", "я", "ia",
	"α", "a", "β", "v", "γ", "g", "δ", "d", "ε", "e", "ζ", "z", "η", "i", "θ", "th", "ι", "i", "κ", "k", "λ", "l", "μ", "m",
	"ν", "n", "ξ", "x", "ο", "o", "π", "p", "ρ", "r", "σ", "s", "τ", "t", "υ", "i", "φ", "f", "χ", "h", "ψ", "ps", "ω", "o",
)

// oneSound replaces the ways to write one sound, in the order in which they are tried at a place.
var oneSound = strings.NewReplacer(
	"ae", "a", "oe", "o", "ue", "u", "ss", "s", "kh", "h", "ks", "x", "ts", "c", "tz", "c", "y", "i", "j", "i", "ii", "i",
)

// foldKey returns the key without marks, in Latin letters, and with one spelling for each sound.
func foldKey(key string) string {
	bare := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(key))
	return oneSound.Replace(latin.Replace(bare))
}

// How two words are similar; a greater value is better.
const (
	initial = 1 + iota // one begins the other
	typo
	equal
)

func spelling(a, b string) int {
	x, y := []rune(a), []rune(b)
	switch {
	case a == b:
		return equal
	case min(len(x), len(y)) >= 4 && distance(x, y) <= max(len(x), len(y))/4:
		return typo
	case !strings.HasPrefix(a, b) && !strings.HasPrefix(b, a):
		return 0
	case min(len(x), len(y)) >= 3: // half of a name
		return typo
	default:
		return initial
	}
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// distance is how many letters must be changed, added or removed to turn one text into the other
// (Levenshtein).
func distance(a, b []rune) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			next := diagonal
			if a[i] != b[j] {
				next = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
