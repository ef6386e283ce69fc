package relay

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

const testSecret = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

func createToken(id, request string, role Role, change func(*relaypb.CreateToken)) *relaypb.Command {
	salt := bytes.Repeat([]byte{7}, tokenSalt)
	op := &relaypb.CreateToken{Id: id, Name: "desk " + id, Role: string(role), Salt: salt, Hash: HashSecret(salt, testSecret+id)}
	if change != nil {
		change(op)
	}
	c := envelope(request)
	c.Op = &relaypb.Command_CreateToken{CreateToken: op}
	return c
}

func revokeToken(id, request string) *relaypb.Command {
	c := envelope(request)
	c.Op = &relaypb.Command_RevokeToken{RevokeToken: &relaypb.RevokeToken{Id: id}}
	return c
}

// TestTokens makes tokens of each scope, uses them and revokes them.
func TestTokens(t *testing.T) {
	s := withGame(t, "")
	if s.HasTokens() {
		t.Error("there are tokens")
	}
	s.must(createToken("admin001", "k1", RoleAdmin, nil))
	s.must(createToken("arbiter1", "k2", RoleArbiter, func(op *relaypb.CreateToken) { op.Round, op.ExpiresAt = testRound, testTime+1000 }))
	s.must(createToken("source01", "k3", RoleSource, func(op *relaypb.CreateToken) { op.Tournament = testTournament }))
	arbiter, ok := s.Token("arbiter1")
	if !ok || !arbiter.Is(testSecret+"arbiter1") || arbiter.Is(testSecret+"source01") || arbiter.Is("") {
		t.Errorf("the arbiter's token is %+v", arbiter)
	}
	if !arbiter.ValidAt(testTime+999) || arbiter.ValidAt(testTime+1000) {
		t.Error("the token does not hold until it expires")
	}
	if !arbiter.Covers(testTournament, testRound) || arbiter.Covers(testTournament, "round002") || arbiter.Covers(testTournament, "") || arbiter.Everywhere() {
		t.Error("the round is not the scope")
	}
	if source, _ := s.Token("source01"); !source.Covers(testTournament, testRound) || source.Covers("another1", "round002") || !source.Covers(testTournament, "") {
		t.Error("the tournament is not the scope")
	}
	if admin, _ := s.Token("admin001"); !admin.Covers("another1", "") {
		t.Error("the admin's scope is not everything")
	}

	move := playMove(1, "e4")
	move.At, move.Token, move.From, move.By = testTime+5, "arbiter1", "192.0.2.1", "desk arbiter1"
	s.must(move)
	if arbiter, _ := s.Token("arbiter1"); arbiter.LastUsed != testTime+5 {
		t.Errorf("it was used last at %d", arbiter.LastUsed)
	}
	s.must(revokeToken("arbiter1", "k4"))
	move.GetPlayMove().Ply, move.GetPlayMove().Move = 2, "e5"
	if out := s.do(move); !errors.Is(out.Err, ErrToken) {
		t.Errorf("a move with a revoked token: %v", out.Err)
	}
	if out := s.must(revokeToken("arbiter1", "k5")); !out.Duplicate {
		t.Error("it is revoked twice")
	}
	// A late copy of its creation does not bring it back.
	if out := s.do(createToken("arbiter2", "k2", RoleArbiter, nil)); !out.Duplicate {
		t.Errorf("the creation came again: %+v", out)
	}
	var ids []string
	for _, token := range s.Tokens() {
		ids = append(ids, token.ID)
	}
	if diff := cmp.Diff([]string{"admin001", "source01"}, ids); diff != "" {
		t.Error(diff)
	}
	for _, r := range records(s.State) {
		if bytes.Contains(r, []byte(testSecret)) {
			t.Error("a record has the secret")
		}
	}
	again := reload(t, s.State)
	if again.Hash() != s.Hash() || again.HasTokens() != s.HasTokens() || !cmp.Equal(s.Audit(0, 100), again.Audit(0, 100)) {
		t.Error("a checkpoint has lost something")
	}
}

// TestGrants logs clients in with a token: they have its rights, and end with it.
func TestGrants(t *testing.T) {
	s := withGame(t, "")
	s.must(createToken("admin001", "k1", RoleAdmin, nil))
	s.must(createToken("arbiter1", "k2", RoleArbiter, func(op *relaypb.CreateToken) { op.Round, op.ExpiresAt = testRound, testTime+1000 }))
	grant := func(i int) *relaypb.Command {
		return createToken(FormatID(uint64(i)), fmt.Sprint("g", i), "", func(op *relaypb.CreateToken) { op.Name, op.Parent, op.Client = "", "arbiter1", "the app" })
	}
	for i := range MaxGrants + 1 {
		s.must(grant(i))
	}
	if _, ok := s.Token(FormatID(0)); ok {
		t.Error("the oldest log-in holds beside as many newer ones as there may be")
	}
	g, _ := s.Token(FormatID(1))
	want := Token{ID: FormatID(1), Name: "desk arbiter1", Role: RoleArbiter, Round: testRound, ExpiresAt: testTime + 1000, CreatedAt: testTime,
		CreatedBy: "arbiter", Parent: "arbiter1", Client: "the app"}
	if diff := cmp.Diff(want, g, cmp.FilterPath(func(p cmp.Path) bool {
		return slices.Contains([]string{"request", "index", "term", "salt", "hash", "revoked", "changed"}, strings.TrimPrefix(p.Last().String(), "."))
	}, cmp.Ignore()), cmp.AllowUnexported(Token{})); diff != "" {
		t.Error(diff)
	}
	late := grant(100)
	late.At = testTime + 1000
	if out := s.do(late); !errors.Is(out.Err, ErrToken) {
		t.Errorf("a log-in with an expired token: %v", out.Err)
	}
	s.must(revokeToken("arbiter1", "k3"))
	if tokens := s.Tokens(); len(tokens) != 1 {
		t.Errorf("the grants outlive their token: %v", tokens)
	}
}

// TestTokensRefused asks for impossible tokens.
func TestTokensRefused(t *testing.T) {
	s := withGame(t, "")
	if out := s.do(createToken("arbiter1", "k", RoleArbiter, nil)); !errors.Is(out.Err, ErrLimit) {
		t.Errorf("a first token that makes no others: %v", out.Err)
	}
	s.must(createToken("admin001", "k1", RoleAdmin, nil))
	for name, tc := range map[string]struct {
		change func(*relaypb.CreateToken)
		want   error
	}{
		"role":             {func(op *relaypb.CreateToken) { op.Role = "king" }, ErrBadCommand},
		"name":             {func(op *relaypb.CreateToken) { op.Name = " " }, ErrBadCommand},
		"escape":           {func(op *relaypb.CreateToken) { op.Name = "\x1b[2J" }, ErrBadCommand},
		"both scopes":      {func(op *relaypb.CreateToken) { op.Round, op.Tournament = testRound, testTournament }, ErrBadCommand},
		"no such round":    {func(op *relaypb.CreateToken) { op.Round = "round002" }, ErrNotFound},
		"a round's admin":  {func(op *relaypb.CreateToken) { op.Role, op.Round = "admin", testRound }, ErrBadCommand},
		"no hash":          {func(op *relaypb.CreateToken) { op.Hash = nil }, ErrBadCommand},
		"no salt":          {func(op *relaypb.CreateToken) { op.Salt = op.Salt[1:] }, ErrBadCommand},
		"the id":           {func(op *relaypb.CreateToken) { op.Id = "x" }, ErrBadCommand},
		"the same id":      {func(op *relaypb.CreateToken) { op.Id = "admin001" }, ErrIDTaken},
		"of nobody":        {func(op *relaypb.CreateToken) { op.Parent = "nobody01" }, ErrToken},
		"a client's alone": {func(op *relaypb.CreateToken) { op.Client = "app" }, ErrBadCommand},
	} {
		if out := s.do(createToken("arbiter1", "k2"+name, RoleArbiter, tc.change)); !errors.Is(out.Err, tc.want) {
			t.Errorf("%s: %v", name, out.Err)
		}
	}
	if out := s.do(revokeToken("admin001", "k3")); !errors.Is(out.Err, ErrLimit) {
		t.Errorf("the last admin is revoked: %v", out.Err)
	}
	s.must(createToken("admin002", "k4", RoleAdmin, nil))
	s.must(revokeToken("admin001", "k5"))
	for _, bad := range []string{"", "cr_", "cr_admin001_", "cr_admin001_short", "xx_admin001_" + testSecret, "cr_admin_" + testSecret, "cr_admin001_" + testSecret + "\n"} {
		if _, _, ok := SplitToken(bad); ok {
			t.Errorf("%q is a token", bad)
		}
	}
	if id, secret, ok := SplitToken(JoinToken("admin001", testSecret)); !ok || id != "admin001" || secret != testSecret {
		t.Errorf("%q %q %v", id, secret, ok)
	}
}

// TestRevokedTokensAreForgotten revokes more tokens than are remembered, with checkpoints between.
func TestRevokedTokensAreForgotten(t *testing.T) {
	s := newScript(t)
	stored := map[string][]byte{}
	s.must(createToken("admin001", "k1", RoleAdmin, nil))
	for i := range MaxTokens + 50 {
		s.must(createToken(FormatID(uint64(i)), fmt.Sprint("k", i+2), RoleViewer, nil))
		s.must(revokeToken(FormatID(uint64(i)), fmt.Sprint("r", i)))
		if i%97 == 0 {
			store(t, stored, s.TakeDirty())
		}
	}
	store(t, stored, s.TakeDirty())
	if load(t, stored).Hash() != s.Hash() {
		t.Error("the checkpoint has other tokens")
	}
	if len(s.tokens) != MaxTokens+1 {
		t.Errorf("%d tokens are remembered", len(s.tokens))
	}
}

// TestAudit: each command that has changed something has a line, and only the last lines are kept.
func TestAudit(t *testing.T) {
	s := withGame(t, "")
	stored := map[string][]byte{}
	s.must(createToken("admin001", "k1", RoleAdmin, nil))
	move := playMove(1, "e4")
	move.Token, move.From, move.By, move.Source = "admin001", "192.0.2.1", "Vera", "feed"
	s.must(move)
	s.do(move)               // a duplicate
	s.do(playMove(2, "e4"))  // refused
	s.must(takeBack(0, "t")) // by nobody
	want := []AuditEntry{
		{Index: 8, At: testTime, By: "arbiter", What: "takeback", ID: testGame},
		{Index: 5, At: testTime, By: "Vera", Token: "admin001", From: "192.0.2.1", Source: "feed", What: "move", ID: testGame, Ply: 1},
		{Index: 4, At: testTime, By: "arbiter", What: "createToken", ID: "admin001"},
		{Index: 3, At: testTime, By: "arbiter", What: "createGame", ID: testGame},
	}
	if diff := cmp.Diff(want, s.Audit(0, 4)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[2:3], s.Audit(5, 1)); diff != "" {
		t.Error(diff)
	}
	// Many clocks do not push out a person's lines.
	const clocks = auditBlock*auditBlocks + 3*auditBlock
	for i := range clocks {
		s.must(setClock(int64(i+1), int64(i), 0))
		if i%1000 == 0 {
			store(t, stored, s.TakeDirty())
			if again := load(t, stored); !cmp.Equal(again.Audit(0, 300), s.Audit(0, 300)) {
				t.Fatal("the checkpoint has another audit trail")
			}
		}
	}
	all := s.Audit(0, 1<<20)
	if n := len(all); n > auditBlock*auditBlocks+6 || n < auditBlock*(auditBlocks-1) {
		t.Errorf("%d lines", n)
	}
	if last := all[len(all)-1]; last.What != "createTournament" || !slices.Contains(all, want[2]) {
		t.Errorf("the first line is %+v", last)
	}
	store(t, stored, s.TakeDirty())
	if again := load(t, stored); !cmp.Equal(again.Audit(0, 1<<20), all) {
		t.Error("the checkpoint has another audit trail")
	}
	if len(stored) > auditBlocks+10 {
		t.Errorf("the checkpoint has %d records", len(stored))
	}
}

// TestTokensWhileACheckpointIsTaken reads tokens beside TakeDirty, as a node does under a read
// lock. The race detector sees any write to them.
func TestTokensWhileACheckpointIsTaken(t *testing.T) {
	s := withGame(t, "")
	s.must(createToken("admin001", "k1", RoleAdmin, nil))
	var reading sync.WaitGroup
	reading.Go(func() {
		for range 100 {
			if _, ok := s.Token("admin001"); !ok {
				t.Error("the token is gone")
			}
		}
	})
	records := s.TakeDirty()
	reading.Wait()
	found := false
	for key := range records {
		found = found || key == tokenKey("admin001")
	}
	if !found {
		t.Error("the checkpoint lacks the token")
	}
}
