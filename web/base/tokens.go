package base

import (
	"crypto/rand"
	"net/http"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// NewToken fills in an id and a secret, and returns the token as it is shown. The secret is kept
// nowhere else.
func NewToken(op *relaypb.CreateToken) (token string) {
	secret := rand.Text() // 130 bits
	op.Id = newID()
	Hash(op, secret)
	return relay.JoinToken(op.Id, secret)
}

// Hash fills in the hash of a secret, with a new salt.
func Hash(op *relaypb.CreateToken, secret string) {
	op.Salt = make([]byte, 16)
	_, _ = rand.Read(op.Salt) // never fails, see crypto/rand
	op.Hash = relay.HashSecret(op.Salt, secret)
}

// MakeToken submits the creation of a token.
func (s *Server) MakeToken(r *http.Request, c *relaypb.Command, op *relaypb.CreateToken) (made relay.Token, token string, err error) {
	o, err := s.Create(r, func(string) *relaypb.Command {
		token = NewToken(op)
		c.Op = &relaypb.Command_CreateToken{CreateToken: op}
		return c
	})
	if err == nil && o.Duplicate {
		err = &Error{
			Status: http.StatusConflict, Code: "token_made",
			Message: "this request has made a token before, and only its first answer showed it; if that is lost, revoke the token and make another one",
		}
	}
	if err != nil {
		return made, "", err
	}
	s.TruthState(func(b *relay.State) { made, _ = b.Token(op.Id) })
	return made, token, nil
}
