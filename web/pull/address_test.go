package pull

import (
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
)

const uuid = "00b986b4-9d0e-87cf-8000-4c92714efbce"

// TestCheck reads addresses.
func TestCheck(t *testing.T) {
	const page = "https://view.livechesscloud.com/"
	for _, tt := range []struct {
		url   string
		kind  relay.SourceKind
		want  relay.SourceKind // empty: refused
		round int
		base  string
	}{
		{"http://example.org/games.pgn", "", relay.SourcePGN, 0, ""},
		{" http://example.org/games.pgn\n", "", relay.SourcePGN, 0, ""},
		{"https://example.org/get/games.pgn", "", relay.SourcePGN, 0, ""},
		{"https://1.pool.livechesscloud.com/get/" + uuid, "", relay.SourceLCC, 0, "https://1.pool.livechesscloud.com/get/" + uuid},
		{"https://host:8443/a/get/" + uuid + "/round-12/index.json", "", relay.SourceLCC, 12, "https://host:8443/a/get/" + uuid},
		{"https://host:8443/a/get/" + uuid + "/round-12/game-3.json", "", relay.SourceLCC, 12, "https://host:8443/a/get/" + uuid},
		{"https://host/get/" + uuid + "/tournament.json", "", relay.SourceLCC, 0, "https://host/get/" + uuid},
		{"https://host/get/X4PKuVsC", relay.SourceLCC, relay.SourceLCC, 0, "https://host/get/X4PKuVsC"},
		{page + "#" + uuid, "", relay.SourceLCC, 0, ""},
		{page + "#" + strings.ToUpper(uuid), "", relay.SourceLCC, 0, ""},
		{"http://view.livechesscloud.com/" + uuid, "", relay.SourceLCC, 0, ""},
		{page + "#" + uuid + "/5", "", relay.SourceLCC, 5, ""},
		{page + "#" + uuid + "/5/", "", relay.SourceLCC, 5, ""},
		{page + "#" + uuid + "/5/12", "", relay.SourceLCC, 5, ""},
		{page + "#" + uuid + "/5/12/", "", relay.SourceLCC, 5, ""},
		{page + "#/" + uuid + "/5/12", "", relay.SourceLCC, 5, ""},
		{page + "?lang=de#" + uuid + "/5/12", "", relay.SourceLCC, 5, ""},
		{page + "#" + uuid + "/5/12?lang=de", "", relay.SourceLCC, 5, ""},
		{page + uuid + "/5/12?lang=de", "", relay.SourceLCC, 5, ""},
		{"https://View.LiveChessCloud.com#" + uuid + "/5/12", relay.SourceLCC, relay.SourceLCC, 5, ""},
		{page + "#" + uuid + "/live", relay.SourceLCC, "", 0, ""},
		{page + "#" + uuid + "/5/12/7", "", "", 0, ""},
		{page, "", "", 0, ""},
		{"http://host/get/" + uuid, relay.SourcePGN, relay.SourcePGN, 0, ""},
		{"https://example.org/games.pgn", relay.SourceLCC, "", 0, ""},
		{"https://example.org/live/index.json", "", relay.SourceFolder, 0, ""},
		{"https://example.org/live/index.json?x=1", "", relay.SourceFolder, 0, ""},
		{"https://example.org/live/", "", relay.SourcePGN, 0, ""}, // its answer tells
		{"https://example.org/live", relay.SourceFolder, relay.SourceFolder, 0, ""},
		{"https://lichess.org/broadcast/an-open/X4PKuVsC", "", "", 0, ""},
		{"https://lichess.org/broadcast/by/somebody", "", relay.SourcePGN, 0, ""},
		{"http://hall:8080/tournament/X4PKuVsC", "", "", 0, ""},
		{"ftp://example.org/games.pgn", "", "", 0, ""},
		{"file:///etc/passwd", "", "", 0, ""},
		{"http://user:word@example.org/x", "", "", 0, ""},
		{"http:///x", "", "", 0, ""},
		{"games.pgn", "", "", 0, ""},
		{"http://%zz/", "", "", 0, ""},
	} {
		s := relay.Source{Kind: tt.kind, URL: tt.url}
		if err := Check(&s); (err == nil) != (tt.want != "") {
			t.Errorf("%s: %v", tt.url, err)
		} else if err == nil && (s.Kind != tt.want || s.Round != tt.round) {
			t.Errorf("%s: %+v", tt.url, s)
		}
		if tt.base != "" {
			if c, ok := newReader(target{Source: s}, "", nil).(*cloudSource); !ok || c.base != tt.base {
				t.Errorf("%s: %+v", tt.url, c)
			}
		}
	}
	s := relay.Source{URL: page + "#" + uuid + "/5/12", Round: 3}
	if err := Check(&s); err != nil || s.Round != 3 {
		t.Errorf("a round that was told: %+v, %v", s, err)
	}
}

// TestPGNURLs: the pages whose addresses people copy lead to the PGN behind them.
func TestPGNURLs(t *testing.T) {
	const lichess, ours = "https://lichess.org", "http://hall:8080"
	for from, want := range map[string]string{
		lichess + "/broadcast/an-open/round-5/X4PKuVsC":              lichess + "/api/broadcast/round/X4PKuVsC.pgn",
		lichess + "/broadcast/an-open/round-5/X4PKuVsC/":             lichess + "/api/broadcast/round/X4PKuVsC.pgn",
		lichess + "/broadcast/an-open/round-5/X4PKuVsC#boards":       lichess + "/api/broadcast/round/X4PKuVsC.pgn",
		lichess + "/broadcast/an-open/round-5/X4PKuVsC/Abcdefg9?x=1": lichess + "/api/broadcast/round/X4PKuVsC.pgn",
		lichess + "/broadcast/-/-/X4PKuVsC":                          lichess + "/api/broadcast/round/X4PKuVsC.pgn",
		lichess + "/broadcast/round/X4PKuVsC/edit":                   lichess + "/api/broadcast/round/X4PKuVsC.pgn",
		lichess + "/embed/broadcast/an-open/round-5/X4PKuVsC":        lichess + "/api/broadcast/round/X4PKuVsC.pgn",
		lichess + "/api/broadcast/-/-/X4PKuVsC":                      lichess + "/api/broadcast/round/X4PKuVsC.pgn",
		lichess + "/api/stream/broadcast/round/X4PKuVsC.pgn":         lichess + "/api/broadcast/round/X4PKuVsC.pgn",
		lichess + "/api/broadcast/round/X4PKuVsC.pgn":                lichess + "/api/broadcast/round/X4PKuVsC.pgn",
		"https://www.lichess.org/broadcast/an-open/round-5/X4PKuVsC": "https://www.lichess.org/api/broadcast/round/X4PKuVsC.pgn",
		lichess + "/study/X4PKuVsC":                                  lichess + "/api/study/X4PKuVsC.pgn",
		lichess + "/study/X4PKuVsC/Abcdefg9#12":                      lichess + "/api/study/X4PKuVsC.pgn",
		lichess + "/study/embed/X4PKuVsC/Abcdefg9":                   lichess + "/api/study/X4PKuVsC.pgn",
		lichess + "/api/study/X4PKuVsC.pgn":                          lichess + "/api/study/X4PKuVsC.pgn",
		lichess + "/api/study/X4PKuVsC/Abcdefg9.pgn":                 lichess + "/api/study/X4PKuVsC/Abcdefg9.pgn",
		lichess + "/broadcast/an-open/X4PKuVsC":                      lichess + "/api/broadcast/X4PKuVsC.pgn",
		lichess + "/api/broadcast/X4PKuVsC":                          lichess + "/api/broadcast/X4PKuVsC.pgn",
		ours + "/round/X4PKuVsC":                                     ours + "/api/rounds/X4PKuVsC.pgn",
		ours + "/round/X4PKuVsC/12?ply=7":                            ours + "/api/rounds/X4PKuVsC.pgn",
		ours + "/hall/X4PKuVsC":                                      ours + "/api/rounds/X4PKuVsC.pgn",
		ours + "/api/rounds/X4PKuVsC":                                ours + "/api/rounds/X4PKuVsC.pgn",
		ours + "/api/rounds/X4PKuVsC.pgn":                            ours + "/api/rounds/X4PKuVsC.pgn",
		ours + "/api/games/X4PKuVsC":                                 ours + "/api/games/X4PKuVsC.pgn",
		ours + "/broadcast/an-open/round-5/X4PKuVsC":                 ours + "/api/broadcast/round/X4PKuVsC.pgn",
		ours + "/tournament/X4PKuVsC":                                ours + "/api/broadcast/X4PKuVsC.pgn",
		ours + "/api/tournaments/X4PKuVsC":                           ours + "/api/broadcast/X4PKuVsC.pgn",
		"https://example.org/study/X4PKuVsC":                         "https://example.org/study/X4PKuVsC",
		"https://example.org/round/5":                                "https://example.org/round/5",
		"https://example.org/round/X4PKuVsC.pgn?x=1":                 "https://example.org/round/X4PKuVsC.pgn?x=1",
		"https://example.org/broadcast/games.pgn":                    "https://example.org/broadcast/games.pgn",
	} {
		s := relay.Source{URL: from, OnlyRound: 5}
		if err := Check(&s); err != nil || s.Kind != relay.SourcePGN || s.URL != from {
			t.Errorf("%s: %+v, %v", from, s, err)
		}
		if r, ok := newReader(target{Source: s}, "", nil).(*pgnSource); !ok || r.url != want {
			t.Errorf("%s leads to %+v, not to %s", from, r, want)
		}
	}
}

// TestFolderAddresses: a copied address of a folder, or of a file in it, leads to the folder's
// index.
func TestFolderAddresses(t *testing.T) {
	for from, want := range map[string]string{
		"http://h/live/index.json":       "http://h/live/index.json",
		"http://h/live/index.json?x=1#y": "http://h/live/index.json?x=1",
		"http://h/live/round.json":       "http://h/live/round.json",
		"http://h/live/":                 "http://h/live/index.json",
		"http://h/a%20b/":                "http://h/a%20b/index.json",
		"http://h/live":                  "http://h/live/index.json",
		"http://h/live/index.html?x=1":   "http://h/live/index.json",
		"http://h/":                      "http://h/index.json",
		"http://h":                       "http://h/index.json",
	} {
		s := relay.Source{URL: from, Kind: relay.SourceFolder}
		if err := Check(&s); err != nil {
			t.Errorf("%s: %v", from, err)
		}
		if r, ok := newReader(target{Source: s}, "", nil).(*cloudSource); !ok || r.folder.String() != want {
			t.Errorf("%s leads to %+v, not to %s", from, r.folder, want)
		}
	}
}
