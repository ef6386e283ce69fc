package base

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

// An Action is something that the bearer of a token may or may not do.
type Action string

// The actions. Each route that is not for everybody needs one of them; see Server.Needs.
const (
	See        Action = "see what a delay holds back, and private tournaments"
	Record     Action = "open boards and record moves, results and corrections"
	Unlock     Action = "give locked fields back to a source"
	Organise   Action = "create, change, delete or restore tournaments and rounds"
	Follow     Action = "follow the log"
	Administer Action = "administer the cluster and its tokens"
)

// may is what each role may do, within the scope of its token. It is the only such table. A field
// that a source sets is not locked, see Server.NewCommand.
var may = map[relay.Role][]Action{
	relay.RoleAdmin:     {See, Record, Unlock, Organise, Follow, Administer},
	relay.RoleOrganiser: {See, Record, Unlock, Organise},
	relay.RoleArbiter:   {See, Record, Unlock},
	relay.RoleSource:    {See, Record},
	relay.RoleEdge:      {Follow},
	relay.RoleViewer:    {See},
}

// rolesFor names the roles that may do it.
func rolesFor(act Action) string {
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

// Open reports whether anybody may write while the cluster has no token.
func (a *Access) Open() bool { return a.cfg.Open }

// RefusedTokens returns how many tokens were refused so far, and how many of them were too many
// from their address.
func (a *Access) RefusedTokens() (total, limited uint64) {
	return a.failures.total.Load(), a.failures.limited.Load()
}

// ValidToken reports whether the token with that id is valid now.
func (a *Access) ValidToken(id string) bool {
	token, known, _ := a.find(id)
	return known && token.ValidAt(relay.Millis(a.cfg.Now().UnixMilli()))
}

// A Caller is a client that has shown a token.
type Caller struct {
	*relay.Token      // nil if the token is not valid
	Limited      bool // too many bad tokens came from its address
}

type callerKey struct{}

// CallerOf returns the client that sent the request. Its Token is nil unless it has shown a valid
// one.
func CallerOf(r *http.Request) Caller {
	c, _ := r.Context().Value(callerKey{}).(Caller)
	return c
}

// Identify judges the token of each request, once. It refuses nothing: a client with a bad token
// may still see what everybody may see.
func (a *Access) Identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if shown := ShownToken(r); shown != "" {
			r = r.WithContext(context.WithValue(r.Context(), callerKey{}, a.Judge(r, shown)))
		}
		next.ServeHTTP(w, r)
	})
}

// bearer returns the token of the Authorization header.
func bearer(r *http.Request) (token string, ok bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return token, strings.EqualFold(scheme, "Bearer")
}

// ShownToken returns the token of the header or, for a read, of the parameter access_token (RFC
// 6750, 2.3): a browser's WebSocket cannot have the header. A request that changes something needs
// the header.
func ShownToken(r *http.Request) string {
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

// Judge looks the token up. A token that this node does not know may be new and made at another
// node. So the node catches up once, unless the address has shown too many bad tokens.
func (a *Access) Judge(r *http.Request, shown string) Caller {
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
		return Caller{}
	case ok && known && token.Is(secret) && token.ValidAt(now):
		a.noteSeen(id, now)
		return Caller{Token: &token}
	}
	return Caller{Limited: a.failures.count(a.cfg.Log, address, r)}
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

// LastSeen returns when the token was last shown here; 0: never.
func (a *Access) LastSeen(id string) relay.Millis {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen[id]
}

// Can reports whether the client may do it to the round of the tournament.
func (c Caller) Can(act Action, tournament relay.TournamentID, round relay.RoundID) bool {
	return c.Token != nil && slices.Contains(may[c.Role], act) && c.Covers(tournament, round)
}

// Sight returns how the client sees the round or, without a round, the tournament.
func (c Caller) Sight(tournament relay.TournamentID, round relay.RoundID) relay.Sight {
	if c.Token == nil || !slices.Contains(may[c.Role], See) {
		return relay.Public
	}
	return c.Token.Sight(tournament, round)
}

// Sees reports whether the client sees all rounds as they are. In a cluster without tokens no
// client does, since none can be told from the public.
func (a *Access) Sees(r *http.Request) bool { return CallerOf(r).Sight("", "") == relay.Truth }

// Viewer returns how the client sees each round or, without an id, all of them, while its token is
// valid. It is nil for the public.
func (a *Access) Viewer(r *http.Request) broadcast.Viewer {
	c := CallerOf(r)
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
			sight = Caller{Token: &token}.Sight(tournament, round)
		})
		return sight
	}
}
