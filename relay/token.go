package relay

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// This file has the tokens. A client that shows a token's secret may do what the token's role
// allows, within its scope. Package web decides what a role allows; this file has what all nodes
// must agree on.
//
// The log and the checkpoints have a salted SHA-256 of a secret, and never the secret. A slow hash
// would gain nothing: a secret is 130 random bits, which nobody can guess however fast the hash is.
// The salt hides that two clusters have equal secrets.
//
// A revoked token stays for a while without its hash. So a late copy of the command that created it
// does not bring it back.

// A Role is what the bearer of a token may do.
type Role string

// The roles.
const (
	RoleAdmin     Role = "admin"     // everything
	RoleOrganiser Role = "organiser" // tournaments, rounds, games and their sources
	RoleArbiter   Role = "arbiter"   // moves, results and corrections, which are locked
	RoleSource    Role = "source"    // moves and results, as a program that locks nothing
	RoleEdge      Role = "edge"      // following the log
	RoleViewer    Role = "viewer"    // seeing a delayed round early, and private tournaments
)

// Roles are all of them.
var Roles = []Role{RoleAdmin, RoleOrganiser, RoleArbiter, RoleSource, RoleEdge, RoleViewer}

const (
	// MaxTokens is how many tokens there can be, and how many revoked ones are remembered.
	MaxTokens = 1000
	// MaxGrants is how many log-ins a token can have. One more revokes the oldest.
	MaxGrants = 20
	// tokenHash is the length of a hash, and tokenSalt that of its salt.
	tokenHash = sha256.Size
	tokenSalt = 16
	// tokenPrefix begins every token, so that people and secret scanners recognise one.
	tokenPrefix = "cr_"
	// minSecret is the least length of a secret: 128 bits in base32.
	minSecret = 26
	maxSecret = 128
)

// A Token is a token without its secret.
type Token struct {
	ID   string `json:"id"`
	Name string `json:"name"` // the author of the changes made with it
	Role Role   `json:"role"`
	// The scope: a tournament, a round, or everything.
	Tournament TournamentID `json:"tournament,omitempty"`
	Round      RoundID      `json:"round,omitempty"`
	// Delay is how many seconds late a viewer sees rounds with a longer delay; 0: none.
	Delay     int    `json:"delay,omitempty"`
	ExpiresAt Millis `json:"expiresAt,omitempty"` // 0: never
	CreatedAt Millis `json:"createdAt"`
	CreatedBy string `json:"createdBy,omitempty"`
	LastUsed  Millis `json:"lastUsed,omitempty"` // 0: not yet
	// Parent is set in a grant: the token with which a client has logged in. Client is the client's
	// name for itself.
	Parent string `json:"parent,omitempty"`
	Client string `json:"client,omitempty"`

	request     string
	index, term uint64
	salt, hash  []byte
	revoked     *Deletion
}

// SplitToken splits a token as it is shown: cr_ID_SECRET.
func SplitToken(token string) (id, secret string, ok bool) {
	rest, ok := strings.CutPrefix(token, tokenPrefix)
	id, secret, _ = strings.Cut(rest, "_")
	if !ok || !ValidID(id) || len(secret) < minSecret || len(secret) > maxSecret || !plainText(secret) {
		return "", "", false
	}
	return id, secret, true
}

// JoinToken returns the token of an id and a secret.
func JoinToken(id, secret string) string { return tokenPrefix + id + "_" + secret }

// HashSecret returns the hash of a secret in the log. The salt has 16 random bytes.
func HashSecret(salt []byte, secret string) []byte {
	h := sha256.New()
	h.Write(salt)
	h.Write([]byte(secret))
	return h.Sum(nil)
}

// Is reports whether the secret is the token's, in constant time.
func (t *Token) Is(secret string) bool {
	return subtle.ConstantTimeCompare(HashSecret(t.salt, secret), t.hash) == 1
}

// ValidAt reports whether the token has not expired by then.
func (t *Token) ValidAt(now Millis) bool { return t.ExpiresAt == 0 || now < t.ExpiresAt }

// Everywhere reports whether the scope is everything.
func (t *Token) Everywhere() bool { return t.Tournament == "" && t.Round == "" }

// Covers reports whether the scope has the round of the tournament or, if round is empty, the whole
// tournament.
func (t *Token) Covers(tournament TournamentID, round RoundID) bool {
	return t.Everywhere() || t.Tournament != "" && t.Tournament == tournament || t.Round != "" && t.Round == round
}

// Scope says in words what the token is for.
func (t *Token) Scope() string {
	switch {
	case t.Tournament != "":
		return "tournament " + string(t.Tournament)
	case t.Round != "":
		return "round " + string(t.Round)
	}
	return "everything"
}

// isPermanentAdmin reports whether this token can create all others, at any time.
func (t *Token) isPermanentAdmin() bool {
	return t.revoked == nil && t.Role == RoleAdmin && t.ExpiresAt == 0 && t.Parent == ""
}

// HasTokens reports whether there is any token. From then on, changes need one.
func (s *State) HasTokens() bool { return s.liveTokens > 0 }

// Tokens returns all tokens, the oldest first.
func (s *State) Tokens() []Token {
	var out []Token
	for _, t := range sortedByIndex(maps.Values(s.tokens), tokenOrder) {
		if t.revoked == nil {
			out = append(out, *t)
		}
	}
	return out
}

func tokenOrder(t *Token) (uint64, string) { return t.index, t.ID }

// Token returns the token with that id, unless it was revoked.
func (s *State) Token(id string) (Token, bool) {
	t := s.tokens[id]
	if t == nil || t.revoked != nil {
		return Token{}, false
	}
	return *t, true
}

// refuseRevoked refuses a command whose token was revoked while the command was on its way.
func (s *State) refuseRevoked(c *relaypb.Command) error {
	if c.Token == "" || s.isPublic {
		return nil
	}
	if t := s.tokens[c.Token]; t == nil || t.revoked != nil {
		return refuse(ErrToken, "the token %s was revoked; nothing was changed", clip(c.Token, 32))
	}
	return nil
}

// noteTokenUse notes that a command came with its token.
func (s *State) noteTokenUse(c *relaypb.Command) {
	if t := s.tokens[c.Token]; t != nil && t.LastUsed < Millis(c.At) {
		t.LastUsed = Millis(c.At)
		s.touchToken(t)
	}
}

func (s *State) touchToken(t *Token) {
	if s.changed.tokens == nil {
		s.changed.tokens = make(map[string]*Token)
	}
	s.changed.tokens[t.ID] = t
}

func checkToken(op *relaypb.CreateToken) error {
	switch {
	case !ValidID(op.Id):
		return bad("id", "must have 8 characters of [A-Za-z0-9]")
	case len(op.Salt) != tokenSalt || len(op.Hash) != tokenHash:
		return bad("hash", "must have %d bytes, and its salt %d", tokenHash, tokenSalt)
	case op.Parent != "":
		return checkText("client", op.Client, MaxName, false)
	case op.Client != "":
		return bad("client", "is only for grants")
	case !slices.Contains(Roles, Role(op.Role)):
		return bad("role", "must be admin, organiser, arbiter, source, edge or viewer, not %q", clip(op.Role, 32))
	case op.Tournament != "" && op.Round != "":
		return bad("round", "cannot be given with a tournament: the scope is one of them")
	case op.Delay != 0 && op.Role != string(RoleViewer):
		return bad("delay", "is only for viewers: all other roles see the boards as they are")
	case (op.Role == string(RoleAdmin) || op.Role == string(RoleEdge)) && op.Tournament+op.Round != "":
		return bad("role", "%s is for everything: it cannot be limited to a tournament or a round", op.Role)
	}
	return firstError(checkName("name", op.Name), checkTime("expiresAt", op.ExpiresAt), checkRange("delay", int64(op.Delay), 0, MaxDelay))
}

func (s *State) createToken(c *relaypb.Command, op *relaypb.CreateToken, out *Outcome) error {
	if err := checkToken(op); err != nil {
		return err
	}
	for _, t := range s.tokens {
		if t.request == c.Request {
			out.Index, out.Term, out.Duplicate = t.index, t.term, true
			return nil
		}
	}
	if s.tokens[op.Id] != nil {
		return refuse(ErrIDTaken, "there is a token %s already", op.Id)
	}
	t := &Token{
		ID: op.Id, Name: op.Name, Role: Role(op.Role), Tournament: TournamentID(op.Tournament), Round: RoundID(op.Round),
		Delay: int(op.Delay), ExpiresAt: Millis(op.ExpiresAt), CreatedAt: Millis(c.At), CreatedBy: c.By, Parent: op.Parent, Client: op.Client,
		request: c.Request, index: out.Index, term: out.Term, salt: op.Salt, hash: op.Hash,
	}
	if err := s.mayCreate(t, Millis(c.At)); err != nil {
		return err
	}
	if t.Parent != "" {
		s.revokeOldestGrant(t.Parent, c, out)
	}
	if s.tokens == nil {
		s.tokens = make(map[string]*Token)
	}
	s.tokens[t.ID] = t
	s.liveTokens++
	s.findSights(Millis(c.At))
	s.touchToken(t)
	return nil
}

// mayCreate refuses a token that cannot be created, and gives a grant its parent's fields.
func (s *State) mayCreate(t *Token, at Millis) error {
	if parent := s.tokens[t.Parent]; t.Parent != "" {
		if parent == nil || parent.revoked != nil || parent.Parent != "" || !parent.ValidAt(at) {
			return refuse(ErrToken, "the token of this log-in is no longer valid")
		}
		t.Name, t.Role, t.Tournament, t.Round = parent.Name, parent.Role, parent.Tournament, parent.Round
		t.Delay, t.ExpiresAt = parent.Delay, parent.ExpiresAt
	}
	if !s.HasTokens() && !t.isPermanentAdmin() {
		return refuse(ErrLimit, "the first token must be an admin's that never expires: it makes the others")
	}
	if _, ok := s.tournaments[t.Tournament]; t.Tournament != "" && !ok {
		return &NotFoundError{"tournament", clip(string(t.Tournament), 32)}
	}
	if _, ok := s.rounds[t.Round]; t.Round != "" && !ok {
		return &NotFoundError{"round", clip(string(t.Round), 32)}
	}
	if sights := s.sightsAt(at); t.Delay > 0 && len(sights) >= MaxSights && !slices.Contains(sights, t.sight()) {
		return refuse(ErrLimit, "the viewers already have %d different delays (%s), which is the limit; use one of these, or revoke the tokens of one", len(sights), sightsText(sights))
	}
	if s.liveTokens >= MaxTokens {
		return refuse(ErrLimit, "there are %d tokens, which is the limit; revoke those that are not needed", s.liveTokens)
	}
	return nil
}

// revokeOldestGrant revokes the oldest grant of a token that has as many as it may.
func (s *State) revokeOldestGrant(parent string, c *relaypb.Command, out *Outcome) {
	grants := s.grants(parent)
	if len(grants) >= MaxGrants {
		s.revoke(grants[0], c, out)
	}
}

// grants returns the grants of a token, oldest first.
func (s *State) grants(parent string) []*Token {
	var out []*Token
	for _, t := range sortedByIndex(maps.Values(s.tokens), tokenOrder) {
		if t.Parent == parent && t.revoked == nil {
			out = append(out, t)
		}
	}
	return out
}

func (s *State) revokeToken(c *relaypb.Command, op *relaypb.RevokeToken, out *Outcome) error {
	t := s.tokens[op.Id]
	if t == nil {
		return &NotFoundError{"token", clip(op.Id, 32)}
	}
	if t.revoked != nil {
		out.Index, out.Duplicate = t.revoked.Index, true
		return nil
	}
	if t.isPermanentAdmin() {
		left := 0
		for _, other := range s.tokens {
			if other != t && other.isPermanentAdmin() {
				left++
			}
		}
		if left == 0 {
			return refuse(ErrLimit, "this is the last admin's token that never expires; create another one first, otherwise nobody could make tokens")
		}
	}
	for _, grant := range s.grants(t.ID) {
		s.revoke(grant, c, out)
	}
	s.revoke(t, c, out)
	return nil
}

// revoke revokes a token, and forgets the one that was revoked longest ago if there are too many.
func (s *State) revoke(t *Token, c *relaypb.Command, out *Outcome) {
	t.revoked = deletion(c, "", out)
	t.salt, t.hash = nil, nil
	s.liveTokens--
	s.findSights(Millis(c.At))
	s.touchToken(t)
	var gone []*Token
	for _, t := range s.tokens {
		if t.revoked != nil {
			gone = append(gone, t)
		}
	}
	if len(gone) > MaxTokens {
		oldest := slices.MinFunc(gone, func(a, b *Token) int {
			return strings.Compare(fmt.Sprintf("%020d%s", a.revoked.Index, a.ID), fmt.Sprintf("%020d%s", b.revoked.Index, b.ID))
		})
		delete(s.tokens, oldest.ID)
		s.changed.forgotten = append(s.changed.forgotten, oldest.ID)
	}
}
