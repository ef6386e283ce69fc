package web

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/mirror"
	"github.com/chessrelay/chessrelay/relay/pgn"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

const (
	maxPushGames = 100
	maxPushBody  = 4 << 20
	// maxPushes is how many pushes a node has at a time, those that wait for their turn among them.
	maxPushes = 32
	// pushTries is how often a push compares and submits, if others submit to the same round meanwhile.
	pushTries = 5
)

// push is POST /api/broadcast/round/{roundId}/push: the whole state of a round's games
// as PGN, again and again. What differs from the boards is submitted; the answer comes after the commit.
//
// The broadcaster app takes any answer but 2xx for a success and is silent until a file
// changes. When the fault is ours and passes, its connection is cut instead, since then it tries again.
func (s *Server) push(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxPushBody)
	// Who sends his slowly does not hold up those behind him for longer than they wait.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.cfg.SubmitTimeout))
	a, err := s.pushed(r)
	if err == nil {
		writeJSON(w, a.status, a.body)
		return
	}
	if errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	status := describe(err).Status
	if strings.HasPrefix(r.UserAgent(), "Lichess Broadcaster") && (status >= 500 || status == http.StatusTooManyRequests) {
		s.log.Warn("a push could not be recorded; the broadcaster will try again", "round", chi.URLParam(r, "roundId"), "err", err)
		panic(http.ErrAbortHandler)
	}
	s.fail(w, r, err)
}

// pushedGame is what is answered of one game: what the boards have, and what is wrong with it.
type pushedGame struct {
	Tags  map[string]string `json:"tags"`
	Moves *int              `json:"moves,omitempty"`
	Error string            `json:"error,omitempty"`

	refused string // what the boards refused of it in the last try
}

func (s *Server) pushed(r *http.Request) (answer, error) {
	ctx, cancel := s.deadline(r)
	defer cancel()
	round := relay.RoundID(chi.URLParam(r, "roundId"))
	// The place in the line is taken before the body is read, so that of two pushes the one
	// that came later is the one that counts.
	turn, err := s.pushes.enter(round)
	if err != nil {
		return answer{}, err
	}
	defer turn.leave()
	p, err := readPush(r.Body)
	if err != nil {
		return answer{}, err
	}
	if err := turn.wait(ctx); err != nil {
		return answer{}, err
	}
	// What was committed elsewhere before this push came must be seen here.
	if err := s.cfg.Node.ReadIndex(ctx); err != nil {
		return answer{}, err
	}
	head, err := s.command(r)
	if err != nil {
		return answer{}, err
	}
	if err := s.mirror(ctx, round, head, p); err != nil {
		return answer{}, err
	}
	return ok(map[string]any{"games": p.answers})
}

// A pushing is one push: the games that could be read, and an answer for each that came.
type pushing struct {
	games   []mirror.Game
	of      []int // of games: which answer
	answers []pushedGame
}

// readPush reads the games. One that cannot be read leaves the others alone.
func readPush(body io.Reader) (*pushing, error) {
	p := &pushing{}
	in := pgn.NewReader(body)
	for {
		g, err := in.Next()
		if err == io.EOF {
			break
		}
		broken, isBroken := errors.AsType[*pgn.Error](err)
		switch {
		case err != nil && !isBroken:
			if tooLarge(err) {
				return nil, &apiError{Status: http.StatusRequestEntityTooLarge, Code: "too_large",
					Message: "the push is larger than 4 MiB", More: map[string]any{"limit": maxPushBody}}
			}
			return nil, http.ErrAbortHandler // it did not come, or not in time
		case len(p.answers) == maxPushGames:
			return nil, badRequest("there are more than %d games", maxPushGames)
		case isBroken:
			p.answers = append(p.answers, pushedGame{Tags: map[string]string{}, Error: broken.Error()})
			continue
		}
		a := pushedGame{Tags: make(map[string]string, len(g.Tags))}
		for _, t := range g.Tags {
			a.Tags[t.Name] = t.Value
		}
		game, err := mirror.FromPGN(g)
		if err != nil {
			a.Error = err.Error()
		}
		if len(g.Tags) == 0 && len(game.Moves) == 0 { // any text can be read so
			a.Error = cmp.Or(a.Error, "there is neither a tag nor a legal move")
			p.answers = append(p.answers, a)
			continue
		}
		p.of = append(p.of, len(p.answers))
		p.answers = append(p.answers, a)
		p.games = append(p.games, game)
	}
	if len(p.games) == 0 {
		why := "there is no game in the body"
		if len(p.answers) > 0 {
			why = p.answers[0].Error
		}
		return nil, badRequest("Cannot parse moves: %s", why)
	}
	return p, nil
}

// mirror submits what differs, until the round shows what the games say, and fills in the answers.
func (s *Server) mirror(ctx context.Context, id relay.RoundID, head *relaypb.Command, p *pushing) error {
	for try := 1; ; try++ {
		v, _, err := s.viewOfRound(id)
		if err != nil {
			return err
		}
		changes := mirror.Diff(mirror.Round{ID: id, Games: v.games, Shorten: v.round.Shorten}, p.games)
		var commands []*relaypb.Command
		for _, c := range changes {
			for _, command := range c.Commands {
				command.At, command.By = head.At, head.By
				commands = append(commands, command)
			}
		}
		outcomes, err := s.submitAll(ctx, commands)
		if err != nil {
			return err
		}
		if again := p.take(changes, outcomes); again && try < pushTries {
			continue
		}
		s.fillIn(changes, p)
		return nil
	}
}

// take notes what was refused, and reports whether a refusal may be due to others who
// submit to the round, so that it is worth to compare again.
func (p *pushing) take(changes []mirror.Change, outcomes []relay.Outcome) (again bool) {
	for i, c := range changes {
		a, mine := &p.answers[p.of[i]], outcomes[:len(c.Commands)]
		if a.refused = ""; c.Err != nil {
			a.refused = c.Err.Error()
		}
		outcomes = outcomes[len(c.Commands):]
		for _, o := range mine {
			if o.Err == nil {
				continue
			}
			again = again || errors.Is(o.Err, relay.ErrPlyConflict) || errors.Is(o.Err, relay.ErrGameOver) ||
				errors.Is(o.Err, relay.ErrBoardTaken) || errors.Is(o.Err, relay.ErrNotFound)
			a.refused = o.Err.Error()
			break // what follows in the game is refused because of it
		}
	}
	return again
}

// fillIn tells what the boards have now.
func (s *Server) fillIn(changes []mirror.Change, p *pushing) {
	s.read(func(b *relay.State) {
		for i, c := range changes {
			a := &p.answers[p.of[i]]
			if g, found := b.Game(c.Game); found {
				a.Moves = new(int(g.Ply()))
			}
			a.Error = cmp.Or(a.Error, a.refused)
		}
	})
}

// submitAll is submit for any number of commands, in order.
func (s *Server) submitAll(ctx context.Context, commands []*relaypb.Command) ([]relay.Outcome, error) {
	var out []relay.Outcome
	for len(commands) > 0 {
		n := min(len(commands), maxMoves)
		part, err := s.propose(ctx, commands[:n])
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
		commands = commands[n:]
	}
	return out, nil
}

// pushLines keep the pushes to a round in the order in which they came, one at a time.
type pushLines struct {
	mu    sync.Mutex
	lines map[relay.RoundID][]*pushTurn // the first one is at work
	total int
}

type pushTurn struct {
	lines *pushLines
	round relay.RoundID
	mine  chan struct{} // closed when it is this one's turn
}

// enter takes the last place in the round's line; leave must follow.
func (l *pushLines) enter(round relay.RoundID) (*pushTurn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.total >= maxPushes {
		return nil, tooMany("too many pushes wait at this node for those before them")
	}
	l.total++
	t := &pushTurn{lines: l, round: round, mine: make(chan struct{})}
	if l.lines == nil {
		l.lines = make(map[relay.RoundID][]*pushTurn)
	}
	l.lines[round] = append(l.lines[round], t)
	if l.lines[round][0] == t {
		close(t.mine)
	}
	return t, nil
}

// wait returns when it is this one's turn, or ctx ends.
func (t *pushTurn) wait(ctx context.Context) error {
	select {
	case <-t.mine:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *pushTurn) leave() {
	l := t.lines
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	line := l.lines[t.round]
	for i, u := range line {
		if u != t {
			continue
		}
		line = append(line[:i], line[i+1:]...)
		if i == 0 && len(line) > 0 {
			close(line[0].mine)
		}
		break
	}
	if len(line) == 0 {
		delete(l.lines, t.round)
		return
	}
	l.lines[t.round] = line
}
