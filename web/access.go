package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/relay"
)

// An action is something that the bearer of a token may or may not do.
type action string

// The actions. Each route that is not for everybody needs one of them; see Server.routes.
const (
	actSee        action = "see what a delay holds back, and private tournaments"
	actRecord     action = "open boards and record moves, results and corrections"
	actUnlock     action = "give locked fields back to a source"
	actOrganise   action = "create, change, delete or restore tournaments and rounds"
	actFollow     action = "follow the log"
	actAdminister action = "administer the cluster and its tokens"
)

// may is what each role may do, within the scope of its token. It is the only such table. A field
// that a source sets is not locked, see Server.command.
var may = map[relay.Role][]action{
	relay.RoleAdmin:     {actSee, actRecord, actUnlock, actOrganise, actFollow, actAdminister},
	relay.RoleOrganiser: {actSee, actRecord, actUnlock, actOrganise},
	relay.RoleArbiter:   {actSee, actRecord, actUnlock},
	relay.RoleSource:    {actSee, actRecord},
	relay.RoleEdge:      {actFollow},
	relay.RoleViewer:    {actSee},
}

// rolesFor names the roles that may do it.
func rolesFor(act action) string {
	var out []string
	for _, role := range relay.Roles {
		if slices.Contains(may[role], act) {
			out = append(out, string(role))
		}
	}
	return strings.Join(out, " or ")
}

// AccessConfig is what an [Access] works with.
type AccessConfig struct {
	Boards broadcast.View
	// Open lets anybody write while the cluster has no token. Otherwise nobody may write then.
	Open bool
	// Now is the clock that tokens expire by. Nil: the system's.
	Now func() time.Time
	// Proxies are believed when they say which address a request is from.
	Proxies []netip.Prefix
	Log     *slog.Logger
}

// Access judges who may do what, by the tokens in the boards. Every node has them, edges too, so a
// node asks no other. Access counts the recent bad tokens of each address.
type Access struct {
	cfg AccessConfig
	// catchUp brings the boards up to what the cluster has committed. On an edge, it brings them up
	// to what the upstream has announced.
	catchUp  func(context.Context) error
	failures failures

	mu   sync.Mutex
	seen map[string]relay.Millis // when each token was shown here last; guarded by mu
}

// NewAccess returns an Access. It has no goroutine.
func NewAccess(cfg AccessConfig) *Access {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Access{cfg: cfg, seen: make(map[string]relay.Millis)}
}

// Needed reports whether changes need a token. They do once the cluster has one.
func (a *Access) Needed() (needed bool) {
	a.cfg.Boards.Read(func(_ uint64, b *relay.State) { needed = b.HasTokens() })
	return needed
}

// A caller is a client that has shown a token.
type caller struct {
	*relay.Token      // nil if the token is not valid
	limited      bool // too many bad tokens came from its address
}

type callerKey struct{}

// callerOf returns the client that sent the request. Its Token is nil unless it has shown a valid
// one.
func callerOf(r *http.Request) caller {
	c, _ := r.Context().Value(callerKey{}).(caller)
	return c
}

// identify judges the token of each request, once. It refuses nothing: a client with a bad token
// may still see what everybody may see.
func (a *Access) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if shown := shownToken(r); shown != "" {
			r = r.WithContext(context.WithValue(r.Context(), callerKey{}, a.judge(r, shown)))
		}
		next.ServeHTTP(w, r)
	})
}

// bearer returns the token of the Authorization header.
func bearer(r *http.Request) (token string, ok bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return token, strings.EqualFold(scheme, "Bearer")
}

// shownToken returns the token of the header or, for a read, of the parameter access_token (RFC
// 6750, 2.3): a browser's WebSocket cannot have the header. A request that changes something needs
// the header.
func shownToken(r *http.Request) string {
	token, ok := bearer(r)
	if !ok && (r.Method == http.MethodGet || r.Method == http.MethodHead) && strings.Contains(r.URL.RawQuery, "access_token") {
		token = r.URL.Query().Get("access_token")
	} else if !ok {
		return ""
	}
	return token
}

// catchUpTime bounds the wait for a token that this node does not know yet.
const catchUpTime = 2 * time.Second

// judge looks the token up. A token that this node does not know may be new and made at another
// node. So the node catches up once, unless the address has shown too many bad tokens.
func (a *Access) judge(r *http.Request, shown string) caller {
	now := relay.Millis(a.cfg.Now().UnixMilli())
	id, secret, ok := relay.SplitToken(shown)
	token, known, needed := a.find(id)
	address := limitedAddress(r, a.cfg.Proxies)
	if ok && needed && !known && a.catchUp != nil && !a.failures.tooMany(address) {
		ctx, cancel := context.WithTimeout(r.Context(), catchUpTime)
		if a.catchUp(ctx) == nil {
			token, known, needed = a.find(id)
		}
		cancel()
	}
	switch {
	case !needed:
		return caller{}
	case ok && known && token.Is(secret) && token.ValidAt(now):
		a.noteSeen(id, now)
		return caller{Token: &token}
	}
	return caller{limited: a.failures.count(a.cfg.Log, address, r)}
}

func (a *Access) find(id string) (token relay.Token, known, needed bool) {
	a.cfg.Boards.Read(func(_ uint64, b *relay.State) {
		needed = b.HasTokens()
		token, known = b.Token(id)
	})
	return token, known, needed
}

// noteSeen notes that a token was shown here. The log has only what a token wrote. That it was used
// for reading is known to this node alone, so reading costs the cluster nothing.
func (a *Access) noteSeen(id string, now relay.Millis) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.seen) > 2*relay.MaxTokens { // revoked ones are among them
		clear(a.seen)
	}
	a.seen[id] = now
}

// lastSeen returns when the token was last shown here; 0: never.
func (a *Access) lastSeen(id string) relay.Millis {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen[id]
}

// can reports whether the client may do it to the round of the tournament.
func (c caller) can(act action, tournament relay.TournamentID, round relay.RoundID) bool {
	return c.Token != nil && slices.Contains(may[c.Role], act) && c.Covers(tournament, round)
}

// sight returns how the client sees the round or, without a round, the tournament.
func (c caller) sight(tournament relay.TournamentID, round relay.RoundID) relay.Sight {
	if c.Token == nil || !slices.Contains(may[c.Role], actSee) {
		return relay.Public
	}
	return c.Token.Sight(tournament, round)
}

// Sees reports whether the client sees all rounds as they are. In a cluster without tokens no
// client does, since none can be told from the public.
func (a *Access) Sees(r *http.Request) bool { return callerOf(r).sight("", "") == relay.Truth }

// Viewer returns how the client sees each round or, without an id, all of them, while its token is
// valid. It is nil for the public.
func (a *Access) Viewer(r *http.Request) broadcast.Viewer {
	c := callerOf(r)
	if c.Token == nil {
		return nil
	}
	return func(round relay.RoundID) (sight relay.Sight) {
		a.cfg.Boards.Read(func(_ uint64, b *relay.State) {
			token, known := b.Token(c.ID)
			if !known || !token.ValidAt(relay.Millis(a.cfg.Now().UnixMilli())) {
				return
			}
			tournament, _, _ := b.Place(string(round))
			sight = caller{Token: &token}.sight(tournament, round)
		})
		return sight
	}
}
