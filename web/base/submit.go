package base

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/http"
	"net/netip"
	"unicode/utf8"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/web/edge"
)

// Deadline bounds a submission by the server's own limit and the client's patience.
func (s *Server) Deadline(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), s.SubmitTimeout)
}

// byHeader carries the submitter's name while there are no tokens; the name of a token takes
// precedence. It goes into the game's audit trail, which everybody can read. So it is a name that
// the submitter chose, and not an address.
const byHeader = "X-Chessrelay-By"

// sourceHeader says that a program speaks for a source of games, and carries the source's name. A
// field that a source sets is not locked, and a source cannot change a locked field. A request
// without the header is a person's.
const sourceHeader = "X-Chessrelay-Source"

// NewCommand begins a command: it says who submits, and by which request. The leader replaces its
// time by its own. A retry must carry the same Idempotency-Key; without one, each request is a new
// one.
func (s *Server) NewCommand(r *http.Request) (*relaypb.Command, error) {
	request := r.Header.Get("Idempotency-Key")
	if len(request) > relay.MaxRequest {
		return nil, BadRequest("the Idempotency-Key is longer than %d bytes", relay.MaxRequest)
	}
	if request == "" {
		request = "r-" + rand.Text()
	}
	c := &relaypb.Command{
		At: s.Now().UnixMilli(), By: r.Header.Get(byHeader), Request: request, Source: r.Header.Get(sourceHeader), From: s.from(r),
	}
	if token := CallerOf(r).Token; token != nil {
		c.By, c.Token = token.Name, token.ID
		if token.Role == relay.RoleSource && c.Source == "" {
			c.Source = Clip(token.Name, relay.MaxTagName) // a source's token locks nothing, whatever the headers say
		}
	}
	return c, nil
}

// ReadCommand reads the body into v and begins a command.
func (s *Server) ReadCommand(r *http.Request, v any) (*relaypb.Command, error) {
	if err := ReadJSON(r, v); err != nil {
		return nil, err
	}
	return s.NewCommand(r)
}

// Sibling returns another command of the same submission.
func Sibling(head *relaypb.Command, request string) *relaypb.Command {
	return &relaypb.Command{At: head.At, By: head.By, Request: request, Source: head.Source, From: head.From, Token: head.Token}
}

// from returns where a request came from, for the audit trail. An edge names the client for which
// it passes a request on. Any client could do that, so the address that this node has seen comes
// first.
func (s *Server) from(r *http.Request) string {
	at := broadcast.Address(r, s.Proxies)
	if client, err := netip.ParseAddr(r.Header.Get(edge.ClientHeader)); edge.Forwarded(r) && err == nil {
		at += " for " + client.String()
	}
	return at
}

// Clip returns at most that many bytes of a text.
func Clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// newID draws an id for something that is created here.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return relay.FormatID(binary.BigEndian.Uint64(b[:]))
}

// Submit brings commands through the log, and returns what this node's boards made of them.
// Refusals of single commands are in their outcomes.
func (s *Server) Submit(r *http.Request, commands ...*relaypb.Command) ([]relay.Outcome, error) {
	if err := s.checkWithheld(commands); err != nil {
		return nil, err
	}
	ctx, cancel := s.Deadline(r)
	defer cancel()
	return Propose(ctx, s.Node, commands...)
}

// SubmitWithin is submit for a caller that has its own deadline.
func (s *Server) SubmitWithin(ctx context.Context, commands ...*relaypb.Command) ([]relay.Outcome, error) {
	if err := s.checkWithheld(commands); err != nil {
		return nil, err
	}
	return Propose(ctx, s.Node, commands...)
}

// checkWithheld refuses to hide anything from the public in a cluster without tokens.
func (s *Server) checkWithheld(commands []*relaypb.Command) error {
	for _, c := range commands {
		if what := withholds(c); what != "" && !s.Access.Needed() {
			return NeedsTokens(what)
		}
	}
	return nil
}

// NeedsTokens refuses what hides something from the public in a cluster without tokens.
func NeedsTokens(what string) error {
	return &Error{
		Status: http.StatusUnprocessableEntity, Code: "needs_tokens",
		Message: what + " needs tokens: without any, everybody is the public; make the first one (chessrelay token create --role admin)",
	}
}

// withholds says what the command hides from the public; empty: nothing, or the delay is out of
// range.
func withholds(c *relaypb.Command) string {
	seconds := max(c.GetCreateRound().GetDelaySeconds(), c.GetUpdateRound().GetDelaySeconds())
	switch {
	case seconds > 0 && seconds <= relay.MaxDelay:
		return "a delay"
	case c.GetCreateTournament().GetSettings().GetPrivate() || c.GetUpdateTournament().GetSettings().GetPrivate():
		return "a private tournament"
	}
	return ""
}

// Propose brings commands through the log. It returns what the node's boards made of them, once
// they have applied them. Refusals of single commands are in their outcomes; errors are those of
// [consensus.Node.Propose].
func Propose(ctx context.Context, n *consensus.Node, commands ...*relaypb.Command) ([]relay.Outcome, error) {
	data := make([][]byte, len(commands))
	for i, c := range commands {
		var err error
		if data[i], err = relay.EncodeCommand(c); err != nil {
			return nil, BadRequest("the text sent is not valid UTF-8")
		}
	}
	applied, err := n.Propose(ctx, data...)
	if err != nil {
		return nil, err
	}
	outcomes := make([]relay.Outcome, len(applied))
	for i, a := range applied {
		o, isOutcome := a.Value.(*relay.Outcome)
		if !isOutcome {
			return nil, errors.New("the state machine gave no outcome")
		}
		outcomes[i] = *o
	}
	return outcomes, nil
}

// SubmitOne is submit for one command. A refusal is returned as the error.
func (s *Server) SubmitOne(r *http.Request, c *relaypb.Command) (relay.Outcome, error) {
	out, err := s.Submit(r, c)
	if err != nil {
		return relay.Outcome{}, err
	}
	return out[0], out[0].Err
}

// Create submits a creation. It tries again with another id while the id is taken.
func (s *Server) Create(r *http.Request, with func(id string) *relaypb.Command) (relay.Outcome, error) {
	for {
		o, err := s.SubmitOne(r, with(newID()))
		if !errors.Is(err, relay.ErrIDTaken) {
			return o, err
		}
	}
}

// StatusOf is the status of the answer to a change: 200 if it was in the log already, otherwise
// 201.
func StatusOf(o relay.Outcome) int {
	if o.Duplicate {
		return http.StatusOK
	}
	return http.StatusCreated
}
