package relay

import (
	"errors"
	"maps"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// This file stores the tokens in a checkpoint.

func tokenKey(id string) string { return "k/" + id }

func tokenRecord(t *Token) *relaypb.TokenRecord {
	return &relaypb.TokenRecord{
		Id: t.ID, Name: t.Name, Role: string(t.Role), Tournament: string(t.Tournament), Round: string(t.Round),
		ExpiresAt: int64(t.ExpiresAt), Salt: t.salt, Hash: t.hash, Parent: t.Parent, Client: t.Client,
		Delay: int32(t.Delay), CreatedAt: int64(t.CreatedAt), CreatedBy: t.CreatedBy, LastUsed: int64(t.LastUsed),
		Request: t.request, Index: t.index, Term: t.term, Revoked: deletedRecord(t.revoked),
	}
}

func tokenFrom(r *relaypb.TokenRecord) *Token {
	return &Token{
		ID: r.Id, Name: r.Name, Role: Role(r.Role), Tournament: TournamentID(r.Tournament), Round: RoundID(r.Round),
		ExpiresAt: Millis(r.ExpiresAt), salt: r.Salt, hash: r.Hash, Parent: r.Parent, Client: r.Client,
		Delay: int(r.Delay), CreatedAt: Millis(r.CreatedAt), CreatedBy: r.CreatedBy, LastUsed: Millis(r.LastUsed),
		request: r.Request, index: r.Index, term: r.Term, revoked: deletedFrom(r.Revoked),
	}
}

func (s *State) loadToken(id string, value []byte) error {
	r := new(relaypb.TokenRecord)
	if err := unmarshal(value, r, id, r.GetId); err != nil {
		return err
	}
	t := tokenFrom(r)
	switch {
	case s.tokens[id] != nil:
		return errTwice
	case t.revoked == nil && (len(t.salt) != tokenSalt || len(t.hash) != tokenHash):
		return errors.New("it has no hash of a secret")
	case t.Delay < 0 || t.Delay > MaxDelay || t.Delay != 0 && t.Role != RoleViewer:
		return errors.New("its delay is impossible")
	}
	if s.tokens == nil {
		s.tokens = make(map[string]*Token)
	}
	s.tokens[id] = t
	if t.revoked == nil {
		s.liveTokens++
	}
	return nil
}

// takeTokens takes the tokens that a checkpoint has to write. It copies them, since a token in use
// changes with each command that names it. It writes nothing in them, since readers may copy them
// meanwhile.
func (c *changes) takeTokens() []*relaypb.TokenRecord {
	return mapped(sortedByIndex(maps.Values(c.tokens), tokenOrder), tokenRecord)
}

// encodeTokens yields the records of tokens, and of those that are removed.
func encodeTokens(tokens []*relaypb.TokenRecord, forgotten []string, yield func(string, []byte) bool) bool {
	for _, t := range tokens {
		if !yield(tokenKey(t.Id), marshal(t)) {
			return false
		}
	}
	for _, id := range forgotten {
		if !yield(tokenKey(id), nil) {
			return false
		}
	}
	return true
}
