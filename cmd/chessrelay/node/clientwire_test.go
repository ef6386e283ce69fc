package node_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/web/edge"
)

// TestClientTypesMatchTheServer compares the API's types that package client repeats with the
// server's own. The client must not import a server.
func TestClientTypesMatchTheServer(t *testing.T) {
	for _, c := range [][2]int{
		{client.CloseBadRequest, broadcast.CloseBadRequest}, {client.CloseForbidden, broadcast.CloseForbidden},
		{client.CloseNoRound, broadcast.CloseNoRound}, {client.CloseOtherCluster, broadcast.CloseOtherCluster},
	} {
		if c[0] != c[1] {
			t.Errorf("the client knows the code %d, and the server sends %d", c[0], c[1])
		}
	}
	for name, c := range map[string][2]any{
		"the report of an edge": {edge.Report{Path: []edge.Hop{{HTTP: "x"}}, Upstreams: []edge.Upstream{{Error: "x"}}}, &client.Upstream{}},
		"an edge that follows":  {edge.SessionStatus{HTTP: "x"}, &client.Edge{}},
	} {
		text, err := json.Marshal(c[0])
		if err != nil {
			t.Fatal(err)
		}
		in := json.NewDecoder(bytes.NewReader(text))
		in.DisallowUnknownFields()
		if err := in.Decode(c[1]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		again, err := json.Marshal(c[1])
		if err != nil || !bytes.Equal(again, text) {
			t.Errorf("%s: %s\nbecomes %s, %v", name, text, again, err)
		}
	}
}
