package relay

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// NameKey returns one text for all ways to write a person's name. Two games with the same key have
// the same player, as far as names can tell.
//
// "Carlsen, Magnus", "Magnus Carlsen", "CARLSEN  magnus" and "Carlsen,Magnus" have one key: case,
// punctuation, spaces and the order of the words do not matter. The Unicode form does not matter
// either: "Müller" is one name, composed (NFC) or decomposed (NFD). Different letters are different
// names: "Müller", "Mueller" and "Muller" have three keys. So have "Carlsen, M." and "Carlsen,
// Magnus", since an initial fits several people.
//
// The key is empty if and only if the name is [Nobody]'s.
func NameKey(name string) string {
	words := nameWords(name)
	if nobody(words) {
		return ""
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// Nobody reports whether the name stands for no player in particular: an empty seat, an unknown
// opponent or a bye. Such a name is in no table, and is no evidence that two games are the same.
func Nobody(name string) bool { return nobody(nameWords(name)) }

// TeamKey is [NameKey] for the names of teams. The order of the words matters, since teams have no
// first names. It is empty if the name has no letter and no digit, such as "?" and "-".
func TeamKey(name string) string { return strings.Join(nameWords(name), " ") }

// nobodies are the keys of the names of nobody.
var nobodies = keySet(
	// unknown
	"unknown", "unknown player", "unknown opponent", "nn", "nomen nescio", "nobody", "no name", "noname",
	"unbekannt", "inconnu", "desconocido", "desconhecido", "sconosciuto",
	// not decided yet
	"tba", "tbd", "tbc", "to be announced", "to be determined", "to be confirmed",
	// an empty seat
	"no player", "noplayer", "missing player", "no opponent", "not paired", "unpaired",
	"vacant", "vakant", "unbesetzt", "empty", "empty seat", "empty board", "none", "null", "undefined", "n a",
	// a bye
	"bye", "full point bye", "half point bye", "zero point bye",
	"spielfrei", "freilos", "exempt", "descansa", "riposa",
)

func keySet(names ...string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		set[joinSorted(strings.Fields(name))] = true
	}
	return set
}

// nobody takes the words of a name. Repetitions and numbers do not matter: "Unknown, Unknown", "NN
// 2" and "Bye1" are nobody too. But "No" before a number is short for it, so "Player No. 2" is
// somebody. So are a number alone and a single "N".
func nobody(words []string) bool {
	bare := make([]string, 0, len(words))
	numbers, initials := false, 0 // initials: how many words are "n"
	for _, w := range words {
		letters := strings.TrimRightFunc(w, unicode.IsDigit)
		numbers = numbers || letters != w
		if letters != "" {
			bare = append(bare, letters)
		}
		if letters == "n" {
			initials++
		}
	}
	switch {
	case len(bare) == 0:
		return len(words) == 0
	case initials > 1 && initials == len(bare):
		return true
	case numbers && slices.Contains(bare, "no"):
		return false
	}
	return nobodies[joinSorted(bare)]
}

// joinSorted joins the words in alphabetical order, each of them once. It may reorder words.
func joinSorted(words []string) string {
	slices.Sort(words)
	return strings.Join(slices.Compact(words), " ")
}

// nameWords returns the words of a name in one case and one Unicode form. Marks belong to the
// letter before them. Invisible characters, such as a soft hyphen, are left out; a zero-width space
// is a space.
func nameWords(name string) []string {
	folded := strings.Map(foldRune, norm.NFKC.String(name))
	folded = norm.NFKC.String(strings.ReplaceAll(folded, "ß", "ss"))
	return strings.FieldsFunc(folded, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
}

// foldRune returns one rune for all cases of a letter. It goes by way of the capital, so that
// "Kılıç" is "KILIÇ", and a final sigma is a sigma.
func foldRune(r rune) rune {
	switch {
	case r == '\u200b':
		return ' '
	case unicode.Is(unicode.Cf, r):
		return -1
	}
	return unicode.ToLower(unicode.ToUpper(r))
}
