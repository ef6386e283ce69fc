package nodetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
)

// A TokenCluster is a cluster with tokens, and two rounds of one board each in two tournaments.
type TokenCluster struct {
	*Cluster
	Tournaments, Rounds, Games [2]string
}

// NewTokenCluster starts one. Both rounds have a delay of an hour.
func NewTokenCluster(t *testing.T, nodes int) *TokenCluster {
	c := &TokenCluster{Cluster: NewClusterWith(t, nodes, func(cfg *node.Config) { cfg.Token = Token })}
	for i := range c.Tournaments {
		c.Tournaments[i] = c.Must(Token, "/api/tournaments", Object{"name": fmt.Sprint("Open ", i)})["id"].(string)
		c.Rounds[i] = c.Must(Token, "/api/tournaments/"+c.Tournaments[i]+"/rounds", Object{"name": "Round", "delay": 3600})["id"].(string)
		c.Games[i] = c.Must(Token, "/api/rounds/"+c.Rounds[i]+"/games", Object{"board": 1, "white": Object{"name": "A"}, "black": Object{"name": "B"}})["id"].(string)
	}
	return c
}

// Ask sends a request to the last node, with that token.
func (c *TokenCluster) Ask(token, method, path string, body any) (int, Object) {
	c.T.Helper()
	status, text := Ask(c.T, method, c.Nodes[len(c.Nodes)-1].URL+path, token, body)
	out := Object{}
	_ = json.Unmarshal([]byte(text), &out)
	return status, out
}

// Must posts, and fails the test if that is refused.
func (c *TokenCluster) Must(token, path string, body any) Object {
	c.T.Helper()
	status, out := c.Ask(token, http.MethodPost, path, body)
	if status/100 != 2 {
		c.T.Fatalf("POST %s: %d %v", path, status, out)
	}
	return out
}

// MakeToken makes a token, and returns its text and its id.
func (c *TokenCluster) MakeToken(role string, scope Object) (token, id string) {
	c.T.Helper()
	in := Object{"name": "the " + role, "role": role}
	for k, v := range scope {
		in[k] = v
	}
	out := c.Must(Token, "/api/tokens", in)
	return out["token"].(string), out["id"].(string)
}
