package pgn

import (
	"slices"
	"strings"
)

// languages are the letters for king, queen, rook, bishop and knight on score sheets. If a text
// could be in two of them, its letters mean the same in both. Other languages are left out, since
// they give English letters other meanings.
var languages = []string{
	"KDTLS", // German, also Danish, Norwegian and Swedish
	"RDTFC", // French
	"RDTAC", // Spanish and Italian
}

// translated is the game with English letters. It is nil unless the pieces of all moves have the
// letters of one language, and at least one letter is not English.
func (g *Game) translated() *Game {
	const english = "KQRBN"
	used := ""
	for i := range g.Moves {
		if letter := g.Moves[i].SAN[0]; letter >= 'A' && letter <= 'Z' && letter != 'O' && strings.IndexByte(used, letter) < 0 {
			used += string(letter)
		}
	}
	if strings.Trim(used, english) == "" {
		return nil
	}
	for _, letters := range languages {
		if strings.Trim(used, letters) != "" {
			continue
		}
		out := *g
		out.Moves = slices.Clone(g.Moves)
		for i := range out.Moves {
			out.Moves[i].SAN = translate(out.Moves[i].SAN, letters, english)
		}
		return &out
	}
	return nil
}

// translate replaces the letter of the piece, and that of a promotion.
func translate(san, from, to string) string {
	b := []byte(san)
	letter := func(at int) {
		if i := strings.IndexByte(from, b[at]); i >= 0 {
			b[at] = to[i]
		}
	}
	letter(0)
	if last := len(strings.TrimRight(san, "+#)")) - 1; last > 0 {
		letter(last)
	}
	return string(b)
}
