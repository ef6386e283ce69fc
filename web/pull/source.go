package pull

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/lcc"
	"github.com/chessrelay/chessrelay/relay/pgn"
)

// Check refuses an address that no source can have, and fills in the kind if it is not said: what has the form of a
// LiveChess Cloud's address is one. Whether its host may be asked shows when it is.
func Check(s *relay.Source) error {
	u, err := url.Parse(s.URL)
	if err != nil {
		return errors.New("it cannot be read")
	}
	if err := checkURL(u); err != nil {
		return err
	}
	cloud, isCloud := parseCloud(u)
	if s.Kind == "" {
		s.Kind = relay.SourcePGN
		if isCloud {
			s.Kind = relay.SourceLCC
		}
	}
	if s.Kind == relay.SourceLCC {
		if !isCloud {
			return errors.New("an address of a LiveChess Cloud ends in /get/ and a UUID, or is view.livechesscloud.com/#UUID")
		}
		if s.Round == 0 {
			s.Round = cloud.round
		}
	}
	return nil
}

func newReader(t target, lookup string) reader {
	if t.Kind == relay.SourceLCC {
		u, err := url.Parse(t.URL)
		if err == nil {
			if c, ok := parseCloud(u); ok {
				c.lookup, c.round = lookup, t.Round
				return c
			}
		}
		// Check would have refused it; a text of games it is not, and the poll will say so.
	}
	return &text{url: t.URL}
}

// text is a PGN.
type text struct {
	url  string
	have validators
	sum  [sha256.Size]byte
}

func (t *text) read(ctx context.Context, f *fetcher, b *budget) (games []*pgn.Game, problems []string, changed bool, err error) {
	body, have, err := f.get(ctx, t.url, t.have, b, MaxBytes)
	if err != nil || body == nil {
		return nil, nil, false, err
	}
	// Many servers know no ETag.
	sum := sha256.Sum256(body)
	if sum == t.sum {
		t.have = have
		return nil, nil, false, nil
	}
	if looksLikeHTML(body) {
		return nil, nil, false, errors.New("the source sends a web page, and no PGN")
	}
	in := pgn.NewReader(bytes.NewReader(body))
	for {
		g, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if len(games)+len(problems) == relay.MaxBoard {
			problems = append(problems, fmt.Sprintf("the source has more than %d games, and those behind them are passed over", relay.MaxBoard))
			break
		}
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		games = append(games, g)
	}
	games = withoutTorn(games, body)
	t.have, t.sum = have, sum
	return games, problems, true, nil
}

// withoutTorn leaves out what a text that ends in the middle may say wrongly: a last game that may have but half of its
// tags; and a last move that may become O-O-O yet, or get a clock, if that is how the text has the others.
func withoutTorn(games []*pgn.Game, body []byte) []*pgn.Game {
	n := len(games)
	if n == 0 || !games[n-1].Truncated {
		return games
	}
	g := games[n-1]
	last := len(g.Moves) - 1
	if last < 0 {
		return games[:n-1]
	}
	m, end := g.Moves[last], body[len(body)-1]
	castles := (m.SAN == "O-O" || m.SAN == "0-0") && end != '\n' && end != ' '
	if castles || m.Clock == relay.NoTime && hasClocks(games) {
		g.Moves = g.Moves[:last]
	}
	return games
}

func hasClocks(games []*pgn.Game) bool {
	for _, g := range games {
		for _, m := range g.Moves {
			if m.Clock != relay.NoTime {
				return true
			}
		}
	}
	return false
}

func looksLikeHTML(body []byte) bool {
	start := bytes.ToLower(bytes.TrimSpace(body[:min(len(body), 512)]))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}

// cloud is a round of a LiveChess Cloud.
type cloud struct {
	base   string // of the tournament's documents, without a slash at the end; empty until it was looked up
	uuid   string
	lookup string
	round  int

	lookedUp bool
	index    validators
	list     lcc.Index
	again    bool // something has changed that was not yet handed on
	polls    int

	mu    sync.Mutex         // while games are fetched, it guards
	games map[int]*cloudGame // by board
	size  int                // of all their documents
}

// cloudGame is a game as it was last fetched.
type cloudGame struct {
	have   validators
	sum    [sha256.Size]byte
	doc    *lcc.Game // nil: there is none yet
	size   int
	result string // of the pairing at that time
}

const (
	maxGameBytes = 64 << 10 // of a game's document; 1,200 plies take 30 KiB
	gamesAtOnce  = 4
	// every so many polls a game that is over is asked for, too: it may have been corrected.
	overEvery = 12
)

var (
	uuidForm  = regexp.MustCompile(`^(?i:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)
	cloudPath = regexp.MustCompile(`^(.*/get/([0-9A-Za-z-]{8,36}))(?:/(?:round-([0-9]{1,4})(?:/.*)?|tournament\.json)?)?$`)
	cloudHost = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)*\.livechesscloud\.com$`)
)

// parseCloud reads the address of a tournament's documents, or of its page in the cloud.
func parseCloud(u *url.URL) (c *cloud, ok bool) {
	c = &cloud{games: map[int]*cloudGame{}}
	if strings.EqualFold(u.Hostname(), "view.livechesscloud.com") {
		uuid, round, hasRound := strings.Cut(strings.Trim(u.Path+u.Fragment, "/"), "/")
		if hasRound { // as its pages have it while they show a round
			n, err := strconv.ParseUint(round, 10, 10)
			if err != nil {
				return c, false
			}
			c.round = int(n)
		}
		c.uuid = uuid
		return c, uuidForm.MatchString(uuid)
	}
	m := cloudPath.FindStringSubmatch(u.EscapedPath())
	if m == nil || !relay.ValidID(m[2]) && !uuidForm.MatchString(m[2]) {
		return c, false
	}
	c.base, c.uuid = u.Scheme+"://"+u.Host+m[1], m[2]
	c.round, _ = strconv.Atoi(m[3])
	return c, true
}

func (c *cloud) read(ctx context.Context, f *fetcher, b *budget) ([]*pgn.Game, []string, bool, error) {
	if err := c.find(ctx, f, b); err != nil {
		return nil, nil, false, err
	}
	address := fmt.Sprintf("%s/round-%d/", c.base, c.round)
	c.polls++
	body, have, err := f.get(ctx, address+"index.json", c.index, b, MaxBytes)
	if err != nil {
		if c.lookedUp {
			c.base = "" // it may have moved
		}
		return nil, nil, false, err
	}
	changed := false
	if body != nil {
		list, err := lcc.ReadIndex(body)
		if err != nil {
			return nil, nil, false, fmt.Errorf("the round's index.json cannot be read: %w", err)
		}
		if len(list.Pairings) > relay.MaxBoard {
			return nil, nil, false, fmt.Errorf("the round has %d pairings, and the limit is %d", len(list.Pairings), relay.MaxBoard)
		}
		changed = !samePairings(c.list.Pairings, list.Pairings)
		c.list, c.index = list, have
	}
	news, problems, err := c.fetchGames(ctx, f, b, address)
	// What has changed must not be lost if the rest fails; and problems are to be shown and, once they are gone, forgotten.
	c.again = c.again || changed || news || len(problems) > 0
	if err != nil {
		return nil, nil, false, err
	}
	if !c.again {
		return nil, nil, false, nil
	}
	c.again = len(problems) > 0
	var out []*pgn.Game
	for i, p := range c.list.Pairings {
		if p.White == nil && p.Black == nil {
			continue // a board without a game
		}
		out = append(out, lcc.PGN(c.round, i+1, p, c.games[i+1].document()))
	}
	return out, problems, true, nil
}

func samePairings(a, b []lcc.Pairing) bool {
	return slices.EqualFunc(a, b, func(a, b lcc.Pairing) bool {
		x, errX := json.Marshal(a)
		y, errY := json.Marshal(b)
		return errX == nil && errY == nil && bytes.Equal(x, y)
	})
}

func (g *cloudGame) document() *lcc.Game {
	if g == nil {
		return nil
	}
	return g.doc
}

// find looks up which host has the tournament, if the address was that of its page.
func (c *cloud) find(ctx context.Context, f *fetcher, b *budget) error {
	if c.base != "" {
		return nil
	}
	body, _, err := f.get(ctx, c.lookup+c.uuid, validators{}, b, maxGameBytes)
	if err != nil {
		return fmt.Errorf("which host has the tournament: %w", err)
	}
	var meta struct {
		Host string `json:"host"`
	}
	if err := json.Unmarshal(body, &meta); err != nil || !cloudHost.MatchString(meta.Host) {
		return errors.New("which host has the tournament: the cloud names none of its own")
	}
	c.base, c.lookedUp = "https://"+meta.Host+"/get/"+c.uuid, true
	return nil
}

// maxFailed is how many games of a round may fail to come before the others are not asked for.
const maxFailed = 3

// fetchGames fetches the games that may have changed, some at a time, and reports whether one has. If a few do not come,
// they stay as they were, and problems tells why; if more do not, that is the error.
func (c *cloud) fetchGames(ctx context.Context, f *fetcher, b *budget, address string) (news bool, problems []string, err error) {
	var group errgroup.Group
	group.SetLimit(gamesAtOnce)
	asked, failed := 0, 0
	for i, p := range c.list.Pairings {
		board := i + 1
		c.mu.Lock()
		old, hopeless := c.games[board], failed > maxFailed
		c.mu.Unlock()
		if hopeless || ctx.Err() != nil {
			break
		}
		if p.White == nil && p.Black == nil || old.over(p) && c.polls%overEvery != 0 {
			continue
		}
		asked++
		group.Go(func() error {
			g, changed, err := fetchGame(ctx, f, b, fmt.Sprintf("%sgame-%d.json", address, board), old)
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
			news = news || changed
			return nil
		})
	}
	if err = group.Wait(); err != nil && failed < asked && failed <= maxFailed {
		err = nil
	}
	slices.Sort(problems)
	return news, problems, err
}

// over reports whether nothing more is to be expected of the game, since it has a result, as it had when it was fetched.
func (g *cloudGame) over(p lcc.Pairing) bool {
	return g != nil && g.doc != nil && !g.doc.Live && !p.Live && p.Result == g.result && p.Result != string(relay.Ongoing)
}

func fetchGame(ctx context.Context, f *fetcher, b *budget, address string, old *cloudGame) (_ *cloudGame, changed bool, err error) {
	if old == nil {
		old = &cloudGame{}
	}
	g := *old
	body, have, err := f.get(ctx, address, old.have, b, maxGameBytes)
	if a, ok := errors.AsType[*answerError](err); ok && a.status == http.StatusNotFound {
		return &g, false, nil // not yet; or not now, and then it stays as it was
	}
	if err != nil || body == nil {
		return &g, false, err
	}
	g.have = have
	sum := sha256.Sum256(body)
	if sum == old.sum {
		return &g, false, nil
	}
	doc, err := lcc.ReadGame(body)
	if err != nil {
		return &g, false, fmt.Errorf("its game.json cannot be read: %w", err)
	}
	g.doc, g.sum, g.size = doc, sum, len(body)
	return &g, true, nil
}
