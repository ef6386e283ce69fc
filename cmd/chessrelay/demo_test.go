package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestPlanNodesPassesOverTakenPorts(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port

	env, _, _ := testEnvironment(nil)
	nodes, err := planNodes(env, "/data", taken.Addr().String(), 2)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{taken.Addr().String(): true}
	for i, n := range nodes {
		for _, addr := range []string{n.cfg.HTTP, n.cfg.Peer} {
			if used[addr] {
				t.Errorf("%s is used twice", addr)
			}
			used[addr] = true
		}
		if err := validate(&n.cfg); err != nil {
			t.Errorf("node %d cannot be started: %v", i, err)
		}
		if n.cfg.Bootstrap != (i == 0) || (n.cfg.Join == nodes[0].cfg.InviteTo) != (i > 0) || nodes[0].cfg.InviteTo == "" {
			t.Errorf("node %d: %+v", i, n.cfg)
		}
	}
	_, http, _ := net.SplitHostPort(nodes[0].cfg.HTTP)
	if got, _ := strconv.Atoi(http); got <= port {
		t.Errorf("the recorder is on %d; want the next free port after %d", got, port)
	}
}

func TestServeParsesTheLineOfAPlan(t *testing.T) {
	env, _, _ := testEnvironment(nil)
	nodes, err := planNodes(env, "/data", "127.0.0.1:0", 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		cmd := newServeCommand(env)
		if err := cmd.ParseFlags(serveArgs(n.cfg)[1:]); err != nil {
			t.Fatal(err)
		}
		for flag, want := range map[string]string{
			"name": n.cfg.Name, "role": n.cfg.Role, "data": n.cfg.Data, "http": n.cfg.HTTP, "peer": n.cfg.Peer,
			"join": n.cfg.Join, "bootstrap": fmt.Sprint(n.cfg.Bootstrap), "advertise-http": n.url,
		} {
			if got := cmd.Flags().Lookup(flag).Value.String(); got != want {
				t.Errorf("%s: --%s = %q; want %q", n.cfg.Name, flag, got, want)
			}
		}
	}
}

func TestDemoFolderIsFreshEachTime(t *testing.T) {
	under := filepath.Join(t.TempDir(), "made", "for it")
	first, err := demoFolder(under)
	if err != nil {
		t.Fatal(err)
	}
	second, err := demoFolder(under)
	if err != nil || first == second || filepath.Dir(second) != under {
		t.Errorf("the folders are %s and %s, %v", first, second, err)
	}
	if entries, err := os.ReadDir(second); err != nil || len(entries) > 0 {
		t.Errorf("the second has %v, %v", entries, err)
	}
}

func TestChildrenDoNotGetTheDemosOwnFlags(t *testing.T) {
	got := withoutOurVariables([]string{"HOME=/h", "CHESSRELAY_HTTP=:1", "PATH=/p"})
	if want := []string{"HOME=/h", "PATH=/p"}; !slices.Equal(got, want) {
		t.Errorf("got %s; want %s", strings.Join(got, " "), strings.Join(want, " "))
	}
}
