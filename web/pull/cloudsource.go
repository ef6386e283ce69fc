package pull

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/lcc"
	"github.com/chessrelay/chessrelay/relay/mirror"
	"github.com/chessrelay/chessrelay/relay/pgn"
)

// cloudSource reads a round of a LiveChess Cloud, or of a folder that LiveChess writes.
type cloudSource struct {
	folder *url.URL // of the folder's index; nil for the cloud, which has the next four fields

	base   string // of the tournament's documents, without the last slash; empty: not looked up
	uuid   string
	lookup string
	round  int

	lookedUp   bool
	index      validators
	list       lcc.Index
	unreported bool // something has changed that read has not returned yet
	polls      int
	played     map[int]*playedGame // by board; what read last returned

	mu    sync.Mutex
	games map[int]*cloudGame // by board; guarded by mu while games are fetched
	size  int                // of all their documents; guarded by mu
}

// cloudGame is a game as it was last fetched.
type cloudGame struct {
	validators validators
	sum        [sha256.Size]byte
	doc        *lcc.Game // nil: none yet
	size       int
	result     string // of the pairing at that time
}

// playedGame is a game in the form that the other kinds of source have, and its documents.
type playedGame struct {
	pairing lcc.Pairing
	doc     *lcc.Game
	game    Game
}

const (
	maxGameBytes = 64 << 10 // of a game's document; 1,200 plies take 30 KiB
	gamesAtOnce  = 4
	// overEvery: a game that is over is fetched at every overEvery-th poll. It may be corrected.
	overEvery = 12
)

func (c *cloudSource) read(ctx context.Context, f *fetcher, b *budget) ([]Game, []string, bool, error) {
	if err := c.findHost(ctx, f, b); err != nil {
		return nil, nil, false, err
	}
	dir := fmt.Sprintf("%s/round-%d/", c.base, c.round)
	index := dir + "index.json"
	if c.folder != nil {
		index, dir = c.folder.String(), c.folder.ResolveReference(&url.URL{Path: "."}).String()
	}
	c.polls++
	doc, err := f.get(ctx, index, c.index, b, MaxBytes)
	if err != nil {
		if c.lookedUp {
			c.base = "" // it may have moved
		}
		return nil, nil, false, err
	}
	changed := false
	if doc != nil {
		list, err := lcc.ReadIndex(doc.body)
		if err != nil {
			return nil, nil, false, notJSON("the round's index.json", doc, err)
		}
		if len(list.Pairings) > relay.MaxBoard {
			return nil, nil, false, fmt.Errorf("the round has %d pairings, and the limit is %d", len(list.Pairings), relay.MaxBoard)
		}
		changed = !reflect.DeepEqual(c.list.Pairings, list.Pairings)
		c.list, c.index = list, doc.validators
	}
	news, problems, err := c.fetchGames(ctx, f, b, dir)
	// A change must not be lost if the rest fails. Problems must be shown, and also their end.
	c.unreported = c.unreported || changed || news || len(problems) > 0
	if err != nil {
		return nil, nil, false, err
	}
	if !c.unreported {
		return nil, nil, false, nil
	}
	c.unreported = len(problems) > 0
	return c.playedGames(), problems, true, nil
}

// playedGames returns the games of the round. It plays only those that have changed since the last
// call.
func (c *cloudSource) playedGames() (out []Game) {
	shown := make(map[int]*playedGame, len(c.list.Pairings))
	for i, p := range c.list.Pairings {
		if p.White == nil && p.Black == nil {
			continue // a board without a game
		}
		board, doc := i+1, c.games[i+1].document()
		s := c.played[board]
		if s == nil || s.doc != doc || !reflect.DeepEqual(s.pairing, p) {
			s = &playedGame{pairing: p, doc: doc, game: Game{place: board}}
			in := lcc.PGN(c.round, board, p, doc)
			s.game.Tags = in.Tags
			s.game.Game, s.game.Err = mirror.FromPGN(in)
		}
		shown[board] = s
		out = append(out, s.game)
	}
	c.played = shown
	return out
}

// pgnOrFolder reads an address that may be a PGN, a LiveChess folder or the page in it. Only the
// answers tell which.
type pgnOrFolder struct {
	pgn      *pgnSource
	folder   *cloudSource
	isFolder bool
}

func (e *pgnOrFolder) read(ctx context.Context, f *fetcher, b *budget) ([]Game, []string, bool, error) {
	if e.isFolder {
		return e.folder.read(ctx, f, b)
	}
	games, problems, changed, err := e.pgn.read(ctx, f, b)
	if !noPGN(err) {
		return games, problems, changed, err
	}
	games, problems, changed, inFolder := e.folder.read(ctx, f, b)
	if e.isFolder = inFolder == nil || len(e.folder.list.Pairings) > 0; e.isFolder {
		return games, problems, changed, inFolder
	}
	return nil, nil, false, err
}

// noPGN reports whether the error says that there is no PGN at the address.
func noPGN(err error) bool {
	if a, ok := errors.AsType[*answerError](err); ok {
		return a.status == http.StatusForbidden || a.status == http.StatusNotFound
	}
	_, strange := errors.AsType[*wrongDocumentError](err)
	return strange
}

// notJSON is the error of a document that is not the expected JSON. It names what came.
func notJSON(name string, doc *document, err error) error {
	if n, ok := errors.AsType[*pgn.NotPGN](pgn.Sniff(doc.body, doc.contentType)); ok && n.What != "JSON" {
		return &wrongDocumentError{name, n}
	}
	return fmt.Errorf("%s cannot be read: %w", name, err)
}

func (g *cloudGame) document() *lcc.Game {
	if g == nil {
		return nil
	}
	return g.doc
}

// findHost looks up the tournament's host, if the address was that of its page.
func (c *cloudSource) findHost(ctx context.Context, f *fetcher, b *budget) error {
	if c.base != "" || c.folder != nil {
		return nil
	}
	doc, err := f.get(ctx, c.lookup+c.uuid, validators{}, b, maxGameBytes)
	if err != nil {
		return fmt.Errorf("find the tournament's host: %w", err)
	}
	var meta struct {
		Host string `json:"host"`
	}
	if err := json.Unmarshal(doc.body, &meta); err != nil || !cloudHost.MatchString(meta.Host) {
		return errors.New("find the tournament's host: the cloud names none of its own")
	}
	c.base, c.lookedUp = "https://"+meta.Host+"/get/"+c.uuid, true
	return nil
}

// maxFailed is how many fetches of games may fail in a round before the rest is not tried.
const maxFailed = 3

// fetchGames fetches the games that may have changed, a few at a time. If a few fetches fail, those
// games stay as they were, and problems has the errors. If more fail, that is an error.
func (c *cloudSource) fetchGames(ctx context.Context, f *fetcher, b *budget, dir string) (anyChanged bool, problems []string, err error) {
	var group errgroup.Group
	group.SetLimit(gamesAtOnce)
	asked, failed := 0, 0
	for i, p := range c.list.Pairings {
		board := i + 1
		c.mu.Lock()
		old, tooManyFailed := c.games[board], failed > maxFailed
		c.mu.Unlock()
		if tooManyFailed || ctx.Err() != nil {
			break
		}
		if p.White == nil && p.Black == nil || old.over(p) && c.polls%overEvery != 0 {
			continue
		}
		asked++
		group.Go(func() error {
			g, changed, err := fetchGame(ctx, f, b, fmt.Sprintf("%sgame-%d.json", dir, board), old)
			c.mu.Lock()
			defer c.mu.Unlock()
			if err != nil {
				failed++
				problems = append(problems, fmt.Sprintf("board %d: %v", board, err))
				return err
			}
			if old != nil {
				c.size -= old.size
			}
			if c.size += g.size; c.size > MaxBytes {
				c.size -= g.size
				delete(c.games, board)
				failed++
				return errTooMuch
			}
			g.result = p.Result
			c.games[board] = g
			anyChanged = anyChanged || changed
			return nil
		})
	}
	if err = group.Wait(); err != nil && failed < asked && failed <= maxFailed {
		err = nil
	}
	slices.Sort(problems)
	return anyChanged, problems, err
}

// over reports whether the game is over and unchanged, so nothing more is to be expected of it.
func (g *cloudGame) over(p lcc.Pairing) bool {
	return g != nil && g.doc != nil && !g.doc.Live && !p.Live && p.Result == g.result && p.Result != string(relay.Ongoing)
}

func fetchGame(ctx context.Context, f *fetcher, b *budget, address string, old *cloudGame) (_ *cloudGame, changed bool, err error) {
	if old == nil {
		old = &cloudGame{}
	}
	g := *old
	doc, err := f.get(ctx, address, old.validators, b, maxGameBytes)
	if a, ok := errors.AsType[*answerError](err); ok && a.status == http.StatusNotFound {
		return &g, false, nil // not there yet, or gone for a moment: it stays as it was
	}
	if err != nil || doc == nil {
		return &g, false, err
	}
	g.validators = doc.validators
	sum := sha256.Sum256(doc.body)
	if sum == old.sum {
		return &g, false, nil
	}
	game, err := lcc.ReadGame(doc.body)
	if err != nil {
		return &g, false, notJSON("its game.json", doc, err)
	}
	g.doc, g.sum, g.size = game, sum, len(doc.body)
	return &g, true, nil
}
