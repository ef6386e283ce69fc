package main

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/demo"
)

func TestPlanNodesSkipsTakenPorts(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port

	nodes, err := demo.Plan("/data", taken.Addr().String(), 2, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{taken.Addr().String(): true}
	for i, n := range nodes {
		for _, addr := range []string{n.Config.HTTP, n.Config.Peer} {
			if used[addr] {
				t.Errorf("%s is used twice", addr)
			}
			used[addr] = true
		}
		if err := validate(&n.Config); err != nil {
			t.Errorf("node %d cannot be started: %v", i, err)
		}
		if n.Config.Bootstrap != (i == 0) || (n.Config.Join == nodes[0].Config.InviteTo) != (i > 0) || nodes[0].Config.InviteTo == "" {
			t.Errorf("node %d: %+v", i, n.Config)
		}
	}
	_, http, _ := net.SplitHostPort(nodes[0].Config.HTTP)
	if got, _ := strconv.Atoi(http); got <= port {
		t.Errorf("the recorder is on %d; want the next free port after %d", got, port)
	}
}

func TestServeParsesTheLineOfAPlan(t *testing.T) {
	env, _, _ := testEnvironment(nil)
	nodes, err := demo.Plan("/data", "127.0.0.1:0", 1, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		cmd := newServeCommand(env)
		if err := cmd.ParseFlags(n.Config.Args()[1:]); err != nil {
			t.Fatal(err)
		}
		for flag, want := range map[string]string{
			"name": n.Config.Name, "role": n.Config.Role, "data": n.Config.Data, "http": n.Config.HTTP, "peer": n.Config.Peer,
			"join": n.Config.Join, "bootstrap": fmt.Sprint(n.Config.Bootstrap), "advertise-http": n.URL,
		} {
			if got := cmd.Flags().Lookup(flag).Value.String(); got != want {
				t.Errorf("%s: --%s = %q; want %q", n.Config.Name, flag, got, want)
			}
		}
	}
}

func TestChildrenDoNotGetTheDemosOwnFlags(t *testing.T) {
	got := demo.Environment([]string{"HOME=/h", "CHESSRELAY_HTTP=:1", "PATH=/p"})
	if want := []string{"HOME=/h", "PATH=/p"}; !slices.Equal(got, want) {
		t.Errorf("got %s; want %s", strings.Join(got, " "), strings.Join(want, " "))
	}
}
