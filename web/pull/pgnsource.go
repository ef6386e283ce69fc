package pull

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/mirror"
	"github.com/chessrelay/chessrelay/relay/pgn"
)

// pgnSource reads a PGN with all games of a round.
type pgnSource struct {
	url    string
	memory *Memory

	validators validators
	sum        [sha256.Size]byte
}

func (t *pgnSource) read(ctx context.Context, f *fetcher, b *budget) (games []Game, problems []string, changed bool, err error) {
	doc, err := f.get(ctx, t.url, t.validators, b, MaxBytes)
	if err != nil || doc == nil {
		return nil, nil, false, err
	}
	// Many servers have no ETag. The type counts too, since its charset may have been corrected.
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n%s", doc.contentType, doc.body)
	if [sha256.Size]byte(sum.Sum(nil)) == t.sum {
		t.validators = doc.validators
		return nil, nil, false, nil
	}
	if n, ok := errors.AsType[*pgn.NotPGN](pgn.Sniff(doc.body, doc.contentType)); ok {
		return nil, nil, false, &wrongDocumentError{"PGN", n}
	}
	games, problems = t.games(pgn.Decode(doc.body, pgn.Charset(doc.contentType)))
	t.validators, t.sum = doc.validators, [sha256.Size]byte(sum.Sum(nil))
	return games, problems, true, nil
}

// wrongDocumentError is returned when a source sends another kind of document.
type wrongDocumentError struct {
	document string // what was expected, such as "PGN"
	sniffed  *pgn.NotPGN
}

func (e *wrongDocumentError) Error() string {
	text := "the source sends " + e.sniffed.What + " instead of " + e.document
	if e.sniffed.Says != "" {
		text += fmt.Sprintf(": %q", e.sniffed.Says)
	}
	return text
}

// games reads the text. problems are the parts that could not be read.
func (t *pgnSource) games(body []byte) (games []Game, problems []string) {
	all, more := t.memory.Read(body, relay.MaxBoard)
	for _, g := range withoutTorn(all, body) {
		if g.Unread {
			problems = append(problems, g.Err.Error())
			continue
		}
		games = append(games, g)
	}
	switch {
	case more > 0:
		problems = append(problems, fmt.Sprintf("the source has %d games more than the %d that a round may have; they are left out", more, relay.MaxBoard))
	case len(all) == 0:
		problems = append(problems, "the source has no games")
	}
	return games, problems
}

// withoutTorn removes what may be wrong at the end of a text that ends in the middle, see
// [pgn.WithoutTorn]. A last move without a clock goes too, if any game of the text has clocks.
func withoutTorn(games []Game, body []byte) []Game {
	n := len(games)
	if n == 0 || games[n-1].Torn == nil {
		return games
	}
	torn := games[n-1].Torn
	moves := len(torn.Moves)
	if len(pgn.WithoutTorn([]*pgn.Game{torn}, body)) == 0 {
		return games[:n-1]
	}
	if last := moves - 1; last >= 0 && len(torn.Moves) == moves && torn.Moves[last].Clock == relay.NoTime && hasClocks(games) {
		torn.Moves = torn.Moves[:last]
	}
	if len(torn.Moves) != moves {
		g := &games[n-1]
		g.Game, g.Err = mirror.FromPGN(torn)
	}
	return games
}

func hasClocks(games []Game) bool {
	for _, g := range games {
		for _, m := range g.Moves {
			if m.Clock.Known() {
				return true
			}
		}
	}
	return false
}
