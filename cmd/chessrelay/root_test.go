package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/terminal"
)

func TestExitCodes(t *testing.T) {
	for _, tt := range []struct {
		args   string
		code   int
		stdout string // contains
		stderr string // contains; it is one line if the code is not 0
	}{
		{"", exitDone, "Usage:", ""},
		{"--help", exitDone, "CHESSRELAY_LOG_LEVEL", ""},
		{"feed --help", exitDone, "(default 1)", ""},
		{"status --help", exitDone, "CHESSRELAY_LOG_LEVEL", ""},
		{"dance", exitUsage, "", `there is no command "dance"`},
		{"venue", exitUsage, "", "the command is missing"},
		{"venue dance", exitUsage, "", `there is no command "venue dance"; there are list,`},
		{"status", exitUsage, "", "the URL of a node is missing (see `chessrelay status --help`)"},
		{"status a b", exitUsage, "", `too many: "b"`},
		{"status ftp://a", exitUsage, "", "is not the URL of a node"},
		{"status a --frobnicate", exitUsage, "", "unknown flag: --frobnicate"},
		{"status a --log-level loud", exitUsage, "", "--log-level must be debug, info, warn or error"},
		{"status a --log-format xml", exitUsage, "", "--log-format must be text or json"},
		{"feed x.pgn", exitUsage, "", "--to is missing"},
		{"feed --to a", exitUsage, "", "the PGN file, or - for stdin, is missing"},
		{"feed --to a --new N --round R x.pgn", exitUsage, "", "--round and --new cannot be used together"},
		{"feed --to a --speed 2 --asap x.pgn", exitUsage, "", "--speed and --asap cannot be used together"},
		{"feed --to a --speed -1 x.pgn", exitUsage, "", "--speed must be more than 0"},
		{"feed --to a --speed fast x.pgn", exitUsage, "", "--speed"},
		{"feed --to a no-such-file.pgn", exitFailed, "", "no-such-file.pgn"},
		{"feed --to a -", exitFailed, "", "there is no game"},
		{"watch a --board x", exitUsage, "", "--board"},
		{"demo --venues 99", exitUsage, "", "--venues"},
		{"demo --http 8080", exitUsage, "", "--http must be an address to listen on"},
		{"serve --name n --data d --role king", exitUsage, "", "--role must be recorder, venue or edge"},
		{"serve --help", exitDone, "as many as the open files allow", ""},
		{"serve --name n --data d --role venue --max-spectators -2", exitUsage, "", "--max-spectators must be at least 1, not -2; -1 means no limit"},
		{"serve --name n --data d --role venue --max-joins -5", exitUsage, "", "--max-joins must be at least 1, not -5; -1 means no limit"},
		{"serve --name n --data d --role venue --history-events -1", exitUsage, "", "--history-events must be at least 1, not -1"},
		{"serve --name n --data d --role venue --history-bytes 4MB", exitUsage, "", "--history-bytes"},
		{"serve --name n --data d --role venue --allow-origin https://a.example,club.example", exitUsage, "", `--allow-origin must be the scheme and the host of a site, such as https://club.example, or *, not "club.example"`},
		{"serve --name n --data d --role venue --allow-origin https://a.example/path", exitUsage, "", "--allow-origin"},
		{"serve --name n --data d --role venue --trust-proxy 10.0.0.0/8 --trust-proxy lan", exitUsage, "", `not "lan"`},
		{"serve --name a\u202eb --data d --role venue --join a", exitUsage, "", "has an invisible character, U+202E"},
		{"serve --name n --data d --role venue --join a --advertise-http http://0.0.0.0:8080", exitUsage, "", "--advertise-http 0.0.0.0 is not an address that others can reach"},
		{"serve --name n --data d --role venue --join a --advertise-http http://[::]:8080", exitUsage, "", "--advertise-http :: is not an address"},
		{"serve --name n --data d --role venue --join a --advertise-peer 0.0.0.0:9080", exitUsage, "", "--advertise-peer 0.0.0.0 is not an address"},
		{"serve --name n --data d --role venue --join a --advertise-peer [::]:9080", exitUsage, "", "--advertise-peer :: is not an address"},
		{"serve --name n --data d --role venue --join a --advertise-peer venue:0", exitUsage, "", "is not a host and a port, such as venue-1:9080"},
		{"serve --name n --data d --role venue --join a --advertise-http http://localhost:8080", exitUsage, "", "every other machine would find itself there"},
		{"serve --name n --data d --role venue --join a --advertise-http http://127.0.0.2:8080 --http 192.0.2.1:8080", exitUsage, "", "--http 127.0.0.1:8080"},
		{"serve --name n --data d --role venue --join a --advertise-peer [::1]:9080", exitUsage, "", "--peer 127.0.0.1:9080"},
		{"serve --name n --data d --role venue --join a --advertise-peer Localhost.:9080", exitUsage, "", "every other machine"},
		{"serve --name n --role edge --upstream a --advertise-http http://localhost:8080", exitUsage, "", "every other machine"},
		{"venue add a --name n --advertise-http http://localhost:8080", exitUsage, "", "every other machine"},
		{"serve --name n --data d --role venue --join a --bootstrap", exitUsage, "", "--bootstrap and --join cannot be used together"},
		{"serve --name n --data d --role venue --join http://hall:8080", exitUsage, "", "http://hall:8080 is elsewhere: run `chessrelay venue invite URL`"},
		{"serve --name n --data d --role venue --join cri1_abc", exitUsage, "", "the invitation is cut off"},
		{"venue invite 127.0.0.1:1 --expires -1h", exitUsage, "", "--expires must be a time such as 1h, not -1h0m0s"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			code, stdout, stderr := runCommand(t.Context(), t, nil, strings.Fields(tt.args)...)
			if code != tt.code || !strings.Contains(stdout, tt.stdout) || !strings.Contains(stderr, tt.stderr) {
				t.Errorf("exit %d\nstdout: %s\nstderr: %s", code, stdout, stderr)
			}
			if code != exitDone && (strings.Count(stderr, "\n") != 1 || stdout != "") {
				t.Errorf("want one clear line on stderr and nothing else\nstdout: %s\nstderr: %s", stdout, stderr)
			}
		})
	}
}

// TestAdvertisedLoopback: a node may advertise this machine's own addresses if no other machine
// reaches it.
func TestAdvertisedLoopback(t *testing.T) {
	for _, c := range []node.Config{
		{HTTP: "127.0.0.1:80", Peer: "localhost:90", AdvertiseHTTP: "localhost:80", AdvertisePeer: "127.0.0.1:90"},
		{HTTP: ":80", Peer: "[::1]:90", AdvertiseHTTP: "http://[::1]:80"}, // as demo does
		{HTTP: ":80", Peer: ":90", AdvertiseHTTP: "http://[fe80::1%25eth0]:8080/relay/", AdvertisePeer: "[fe80::1%eth0]:90"},
	} {
		c.Name, c.Role, c.Voters = "n", node.RoleVenue, 3
		if err := validate(&c); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		if again, err := parseNode(c.AdvertiseHTTP); err != nil || again != c.AdvertiseHTTP || strings.HasSuffix(again, "/") {
			t.Errorf("%s is %s when it is parsed again, %v", c.AdvertiseHTTP, again, err)
		}
	}
}

func TestFlagsFromTheEnvironment(t *testing.T) {
	variables := map[string]string{
		"CHESSRELAY_NAME":           "oslo",
		"CHESSRELAY_HTTP":           ":1234",
		"CHESSRELAY_ADVERTISE_HTTP": "http://oslo.example",
		"CHESSRELAY_DATA":           "",
	}
	_, stdout, stderr := runCommand(t.Context(), t, variables, "venue", "add", clusterOfTwo(t).URL, "--http", ":4321")
	want := "chessrelay serve --name oslo --role venue --data oslo --http :4321 --peer :9080 " +
		"--advertise-http http://oslo.example --join cri1_x\n"
	if stdout != want {
		t.Errorf("got %q\nwant %q\n%s", stdout, want, stderr)
	}

	variables = map[string]string{"CHESSRELAY_BOARD": "king's"}
	code, _, stderr := runCommand(t.Context(), t, variables, "watch", "recorder:8080")
	if code != exitUsage || !strings.Contains(stderr, "CHESSRELAY_BOARD") {
		t.Errorf("exit %d, %q; want the variable named", code, stderr)
	}
}

func TestShellLine(t *testing.T) {
	got := terminal.ShellLine("/opt/chess relay", "serve", "--name", "it's", "--http", ":80", "")
	want := `'/opt/chess relay' serve --name 'it'\''s' --http :80 ''`
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// clusterOfTwo answers GET /api/cluster. It lets venue-1 be removed, but not the recorder.
func clusterOfTwo(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/cluster", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"clusterId":"c0ffee","node":"2","leader":"1","term":3,"commit":1165,"applied":1165,"members":[
			{"id":"1","name":"recorder","role":"recorder","suffrage":"voter","http":"http://r:8080","state":"leader","match":1165,"next":1166},
			{"id":"2","name":"venue-1","role":"venue","suffrage":"learner","http":"http://v:8080","state":"replicate","match":1160,"next":1166,"inflight":5,"inflightLimit":256,"lag":5,"lagMs":31,"lastContactMs":42,"rttMicros":182,"sentBytes":39360}]}`)
	})
	mux.HandleFunc("POST /api/cluster/members", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"invitation":"cri1_x","id":"ABCDEFGH","uses":1,"expiresAt":1767225600000}`)
	})
	mux.HandleFunc("DELETE /api/cluster/members/{id}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") == "1" {
			w.WriteHeader(http.StatusConflict)
			fmt.Fprint(w, `{"error":"the last voter cannot be removed","code":"membership_refused"}`)
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestStatus(t *testing.T) {
	s := clusterOfTwo(t)
	code, stdout, stderr := runCommand(t.Context(), t, nil, "status", s.URL)
	want := `cluster c0ffee: recorder leads, term 3, commit 1165, applied 1165

   NAME      ROLE      SUFFRAGE  STATE      MATCH  NEXT  LAG  BEHIND  INFLIGHT  RTT    SENT     LAST CONTACT  HTTP
*  recorder  recorder  voter     leader     1165   1166  0    -       -         -      -        -             http://r:8080
   venue-1   venue     learner   replicate  1160   1166  5    31ms    5/256     182µs  39.4 kB  42ms          http://v:8080
`
	if code != exitDone || stdout != want {
		t.Errorf("exit %d %s\ngot:\n%s\nwant:\n%s", code, stderr, stdout, want)
	}
	if _, stdout, _ := runCommand(t.Context(), t, nil, "status", s.URL, "--json"); !strings.Contains(stdout, `"clusterId": "c0ffee"`) {
		t.Errorf("--json: %s", stdout)
	}
}

func TestStatusWithoutANode(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	code, _, stderr := runCommand(t.Context(), t, nil, "status", s.URL)
	if code != exitFailed || !strings.Contains(stderr, "no answer from "+s.URL) {
		t.Errorf("exit %d, %q", code, stderr)
	}
}

func TestVenueRemove(t *testing.T) {
	s := clusterOfTwo(t)
	for _, tt := range []struct {
		who            string
		code           int
		stdout, stderr string
	}{
		{"venue-1", exitDone, "removed venue-1 (2)\n", ""},
		{"2", exitDone, "removed venue-1 (2)\n", ""},
		{"recorder", exitFailed, "", "chessrelay venue remove: remove recorder: the last voter cannot be removed (membership_refused)\n"},
		{"oslo", exitFailed, "", "chessrelay venue remove: there is no member \"oslo\"; the members are recorder, venue-1\n"},
	} {
		code, stdout, stderr := runCommand(t.Context(), t, nil, "venue", "remove", s.URL, tt.who)
		if code != tt.code || stdout != tt.stdout || stderr != tt.stderr {
			t.Errorf("remove %s: exit %d\nstdout: %s\nstderr: %s", tt.who, code, stdout, stderr)
		}
	}
}

// TestVenueDemote: demote warns when nobody takes the vote over, and too few voters are left to
// lose one.
func TestVenueDemote(t *testing.T) {
	for voters, warning := range map[int]string{5: "", 3: "Voters left: 2. While one of them is away, nothing can be recorded.\n"} {
		var members []string
		for i := range voters {
			members = append(members, fmt.Sprintf(`{"id":"%d","name":"n%[1]d","role":"venue","suffrage":"voter","state":"replicate"}`, i))
		}
		mux := http.NewServeMux()
		mux.HandleFunc("GET /api/cluster", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"clusterId":"c0ffee","leader":"0","node":"0","members":[%s]}`, strings.Join(members, ","))
		})
		mux.HandleFunc("POST /api/cluster/members/{id}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") })
		s := httptest.NewServer(mux)
		code, stdout, stderr := runCommand(t.Context(), t, nil, "venue", "demote", s.URL, "n2")
		s.Close()
		if code != exitDone || stdout != "demoted n2 (2)\n" || stderr != warning {
			t.Errorf("of %d voters: exit %d\nstdout: %s\nstderr: %s", voters, code, stdout, stderr)
		}
	}
}

func TestVenueAddWaits(t *testing.T) {
	s := clusterOfTwo(t)
	code, stdout, stderr := runCommand(t.Context(), t, nil, "venue", "add", s.URL, "--name", "venue-1", "--wait")
	if code != exitDone || !strings.HasSuffix(stdout, "venue-1 replicates\n") {
		t.Errorf("exit %d\nstdout: %s\nstderr: %s", code, stdout, stderr)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code, _, stderr = runCommand(ctx, t, nil, "venue", "add", s.URL, "--name", "oslo", "--wait")
	if code != exitFailed || !strings.Contains(stderr, "interrupted") {
		t.Errorf("interrupted: exit %d, %s", code, stderr)
	}
}
