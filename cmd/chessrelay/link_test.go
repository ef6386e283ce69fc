package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay"
)

// TestLinkCommand makes links to a round with a delay of a quarter of an hour, and ends one.
func TestLinkCommand(t *testing.T) {
	c := nodetest.NewTokenCluster(t, 1)
	url := c.Nodes[0].URL
	link := func(delay string) (token, told string) {
		t.Helper()
		code, out, told := runCommand(t.Context(), t, nil, "link", url, "--token", nodetest.Token, "--round", c.Rounds[0], "--delay", delay, "--expires", "30d")
		where, token, _ := strings.Cut(strings.TrimSpace(out), "#view=")
		if _, _, ok := relay.SplitToken(token); code != exitDone || !ok || where != url+"/round/"+c.Rounds[0] {
			t.Fatalf("exit %d, the link is %q\n%s", code, out, told)
		}
		return token, told
	}
	if status, out := c.Ask(nodetest.Token, http.MethodPatch, "/api/rounds/"+c.Rounds[0], nodetest.Object{"delay": 900}); status != http.StatusOK {
		t.Fatal(status, out)
	}
	for delay, warns := range map[string]bool{"0s": false, "10m": false, "20m": true} {
		token, told := link(delay)
		if strings.Contains(told, "Warning: the round") != warns {
			t.Errorf("a link that is %s late: %s", delay, told)
		}
		fields := strings.Fields(told)
		id := fields[len(fields)-1]
		if named, _, _ := relay.SplitToken(token); id != named {
			t.Errorf("the link of %s is ended by %s", token, id)
		}
		if status, _ := c.Ask(token, http.MethodGet, "/api/games/"+c.Games[0], nil); status != http.StatusOK && delay == "0s" {
			t.Errorf("a link without a delay: %d", status)
		}
		if code, _, errs := runCommand(t.Context(), t, nil, "token", "revoke", url, id, "--token", nodetest.Token); code != exitDone {
			t.Errorf("end it: %d %s", code, errs)
		}
		if status, _ := c.Ask(token, http.MethodGet, "/api/games/"+c.Games[0], nil); status == http.StatusOK {
			t.Error("a link that was ended shows the game")
		}
	}
}

// TestLinkCommandRefuses checks that the command says what is wrong with an impossible link.
func TestLinkCommandRefuses(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"http://127.0.0.1:1"}, "--round ID or --tournament ID"},
		{[]string{"http://127.0.0.1:1", "--round", "a", "--tournament", "b"}, "tournament"},
		{[]string{"http://127.0.0.1:1", "--round", "a", "--delay", "2h"}, "--delay"},
		{[]string{"http://127.0.0.1:1", "--round", "a", "--delay", "1500ms"}, "whole seconds"},
		{[]string{"http://127.0.0.1:1", "--round", "a", "--expires", "never"}, "--expires"},
		{nil, "URL"},
	} {
		code, _, errOut := runCommand(t.Context(), t, nil, append([]string{"link"}, test.args...)...)
		if code != 2 || !strings.Contains(errOut, test.want) {
			t.Errorf("link %q: %d %s", test.args, code, errOut)
		}
	}
}
