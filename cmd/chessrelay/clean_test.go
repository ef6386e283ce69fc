package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/terminal"
	"github.com/gorilla/websocket"
)

// evil is a name that clears the screen in three ways, reverses the text, hides itself and begins a
// line of its own.
const evil = "a\x1b[2J\u009b2J\x7f\u202eb\u2066\u00ad\U000e0041\r\nFORGED \u2028\tc\a"

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"Müller, Ørjan 王皓 Ąć":          "Müller, Ørjan 王皓 Ąć",
		"می\u200cخواهم \u200f👩\u200d🚀": "می\u200cخواهم \u200f👩\u200d🚀",
		"a\x1b[31m\x00":                `a\u001b[31m\u0000`,
		"\u0085\u009b\x7f":             `\u0085\u009b\u007f`,
		"\u202e\u2066\u2028":           `\u202e\u2066\u2028`,
		"a\nb\tc\rd":                   `a b c\u000dd`,
		"8 bits: \x9b31m":              "8 bits: \ufffd31m",
		"\U000e0041":                   `\udb40\udc41`,
		"\ufffd stays, and\u00a0":      "\ufffd stays, and\u00a0",
	} {
		if got := terminal.Clean(in); got != want {
			t.Errorf("%q is cleaned to %q, not to %q", in, got, want)
		}
	}
}

// hostile is a server that puts evil wherever it can.
func hostile(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, status int, v any) {
		w.WriteHeader(status)
		raw, _ := json.Marshal(v)
		// Characters that JSON allows unescaped stay unescaped.
		_, _ = w.Write([]byte(strings.NewReplacer(`\u2028`, "\u2028").Replace(string(raw))))
	}
	refuse := func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusConflict, nodetest.Object{"error": evil, "code": evil})
	}
	mux.HandleFunc("/", refuse)
	members := []nodetest.Object{
		{"id": evil, "name": "leader" + evil, "role": evil, "suffrage": evil, "http": evil, "peer": evil, "state": "leader", "leads": evil},
		{"id": "2", "name": evil, "state": evil, "suffrage": "voter", "match": 5, "next": 6, "snapshotFrom": evil, "snapshotError": evil},
	}
	sources := []nodetest.Object{{"round": evil, "name": evil, "tournament": evil, "url": evil, "state": "stopped: " + evil},
		{"failingMs": 5, "lastError": evil}, {"problems": 1, "round": evil}}
	edges := []nodetest.Object{{"name": evil, "address": evil, "http": evil}}
	mux.HandleFunc("GET /member/api/cluster", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, nodetest.Object{"clusterId": evil, "node": evil, "leader": evil, "members": members, "sources": sources, "edges": edges})
	})
	mux.HandleFunc("GET /edge/api/cluster", func(w http.ResponseWriter, _ *http.Request) {
		hop := nodetest.Object{"id": evil, "name": evil, "http": evil}
		answer(w, 200, nodetest.Object{"clusterId": evil, "leader": evil, "edges": edges, "upstream": nodetest.Object{
			"upstream": evil, "path": []any{hop, hop}, "upstreams": []nodetest.Object{{"url": evil, "state": evil, "error": evil}},
		}})
	})
	mux.HandleFunc("GET /member/readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, nodetest.Object{"status": evil}) })
	mux.HandleFunc("GET /refuses/live", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			fmt.Fprintf(conn, "HTTP/1.1 404 %s\r\n\r\n", strings.ReplaceAll(evil, "\r\n", " "))
			conn.Close()
		}
	})
	player := nodetest.Object{"name": evil, "title": evil}
	board := nodetest.Object{"type": "game", "board": 1, "white": player, "black": player, "fen": evil, "warning": evil, "result": evil, "lastMove": nodetest.Object{"san": evil}}
	round := nodetest.Object{"name": evil, "tournamentName": evil, "status": evil}
	mux.HandleFunc("GET /member/live", func(w http.ResponseWriter, r *http.Request) {
		var up websocket.Upgrader
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.WriteJSON([]nodetest.Object{
			{"type": "hello", "cluster": evil}, {"type": "snapshot", "round": round, "boards": []nodetest.Object{board}}, board,
			{"type": "move", "board": 1, "san": evil, "fen": evil}, {"type": "result", "board": 1, "result": evil},
			{"type": "round", "round": round}, {"type": "correction", "board": 1, "moves": []nodetest.Object{{"san": evil}}, "result": evil},
		})
		bye := websocket.FormatCloseMessage(broadcast.CloseBadRequest, strings.ToValidUTF8(evil, "?"))
		_ = conn.WriteMessage(websocket.CloseMessage, bye)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// TestHostileServer runs the terminal's commands against a server that wants to harm it.
func TestHostileServer(t *testing.T) {
	s := hostile(t)
	member, edge, refuses := s.URL+"/member", s.URL+"/edge", s.URL+"/refuses"
	for _, args := range [][]string{
		{"status", member}, {"status", edge}, {"status", refuses}, {"status", member, "--json"}, {"status", member, "--ready"},
		{"status", refuses, "--ready"}, {"venue", "list", member}, {"venue", "remove", member, "2"}, {"venue", "remove", member, "none"},
		{"watch", member, "--round", "R"}, {"watch", member, "--round", "R", "--json"}, {"watch", refuses, "--round", "R"}, {"watch", refuses},
		{"feed", "--to", refuses, SamplePath}, {"feed", "--to", refuses, "--round", "R", "--json", SamplePath},
		{"venue", "remove", member, "2", "--log-format", "json"},
	} {
		_, stdout, stderr := runCommand(t.Context(), t, nil, args...)
		asJSON := strings.Contains(strings.Join(args, " "), "--json")
		if !strings.Contains(stdout+stderr, "2J") {
			t.Errorf("%v shows nothing of the server:\n%s%s", args, stdout, stderr)
		}
		for _, text := range []string{stdout, stderr} {
			if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool {
				return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == 0x2028)
			}) {
				t.Errorf("%v prints %q", args, text)
			}
			if !asJSON && strings.Contains("\n"+text, "\nFORGED") {
				t.Errorf("%v prints a forged line:\n%s", args, text)
			}
		}
		if args[0] == "status" && asJSON {
			var got struct {
				ClusterID string `json:"clusterId"`
			}
			if err := json.Unmarshal([]byte(stdout), &got); err != nil || got.ClusterID != evil {
				t.Errorf("%v: the JSON has %q, %v", args, got.ClusterID, err)
			}
		}
	}
}

// TestHostileDisplay shows on a screen what a hostile server says. The screen's own escapes stay.
func TestHostileDisplay(t *testing.T) {
	var out strings.Builder
	if err := terminal.NewDisplay(terminal.NewCleanWriter(&out)).Show(evil + "\n"); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\u009b\u202e\r") {
		t.Errorf("it shows %q", out.String())
	}
}
