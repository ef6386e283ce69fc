package lichess

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/web/base"
	"github.com/chessrelay/chessrelay/web/pull"
)

// TestReadPush wants the answer to name each game that cannot be taken, and the rest to be taken.
func TestReadPush(t *testing.T) {
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "[White \"W%d\"]\n[Black \"B%d\"]\n\n1. e4 *\n\n", i, i)
		}
		return b.String()
	}
	const limit = "this game is not recorded: the push has more than 1000 games"
	for _, tc := range []struct {
		name, body, kind      string
		games, answers, wrong int
		refused               string // the error of the whole push
		last                  string // the last game's error
		white                 string // of the first game
	}{
		{name: "one game", body: many(1), games: 1, answers: 1, white: "W0"},
		{name: "as many as may be", body: many(1000), games: 1000, answers: 1000},
		{name: "a few more", body: many(1003), games: 1000, answers: 1003, wrong: 3, last: limit},
		{name: "far more", body: many(30000), games: 1000, answers: maxPushAnswers, wrong: maxPushAnswers - 1000, last: limit},
		{name: "one of two that is none", body: many(1) + "[White \"A\"]\n[Black \"B\"]\n\n1. e5 *\n", games: 2, answers: 2, wrong: 1},
		{name: "many in one piece", body: strings.ReplaceAll(many(1003), "*\n\n", "*\n"), games: 1000, answers: 1003, wrong: 3, last: limit},
		{name: "nothing", body: " \n", refused: "there is no game in the body"},
		{name: "a sentence", body: "Too many requests. Try again later.", refused: `the body is plain text, not PGN: "Too many requests. Try again later."`},
		{name: "a page", body: "<!DOCTYPE html><html><head><title>Log in</title></head></html>", refused: `the body is a web page, not PGN: "Log in"`},
		{name: "JSON", body: `[{"white":"A"}]`, kind: "application/json", refused: "the body is JSON, not PGN"},
		{name: "a charset", body: "[White \"M\xfcller\"]\n[Black \"B\"]\n\n1. e4 *\n", kind: "text/plain; charset=windows-1252", games: 1, answers: 1, white: "Müller"},
		{name: "another charset", body: "[White \"\xcd\xe8\xea\"]\n[Black \"B\"]\n\n1. e4 *\n", kind: "text/plain; charset=windows-1251", games: 1, answers: 1, white: "Ник"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := readPush(new(pull.Memory), []byte(tc.body), tc.kind)
			if tc.refused != "" {
				if e := base.Describe(err); e.Status != 400 || !strings.HasPrefix(e.Message, "Cannot parse moves: "+tc.refused) {
					t.Fatalf("got %d %v", e.Status, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			wrong := 0
			for _, a := range p.answers {
				if a.Error != "" {
					wrong++
				}
			}
			if len(p.games) != tc.games || len(p.answers) != tc.answers || wrong != tc.wrong {
				t.Errorf("%d games, %d answers, %d of them errors", len(p.games), len(p.answers), wrong)
			}
			if last := p.answers[len(p.answers)-1]; tc.last != "" && last.Error != tc.last {
				t.Errorf("the last answer is %+v", last)
			}
			if tc.white != "" && p.games[0].White.Name != tc.white {
				t.Errorf("White is %q", p.games[0].White.Name)
			}
		})
	}
}

// BenchmarkReadPush reads 1,000 games of 80 plies with clocks. 50 of them have a new move each
// time.
func BenchmarkReadPush(b *testing.B) {
	text := func(round int) []byte {
		var t strings.Builder
		for g := range 1000 {
			fmt.Fprintf(&t, "[Event \"Open\"]\n[White \"White %d\"]\n[Black \"Black %d\"]\n[Round \"1.%d\"]\n[WhiteElo \"2400\"]\n\n", g, g, g+1)
			plies := 80
			if g%20 == 0 {
				plies += round
			}
			for i := range plies {
				fmt.Fprintf(&t, "%s { [%%clk 1:%02d:%02d] [%%emt 0:00:%02d] } ", []string{"Nf3", "Nf6", "Ng1", "Ng8"}[i%4], 59-i/60%60, 59-i%60, i%60)
			}
			t.WriteString("*\n\n\n")
		}
		return []byte(t.String())
	}
	texts := make([][]byte, 100)
	for i := range texts {
		texts[i] = text(i)
	}
	for _, again := range []bool{false, true} {
		name := "first"
		if again {
			name = "again"
		}
		b.Run(name, func(b *testing.B) {
			memory := new(pull.Memory)
			b.SetBytes(int64(len(texts[0])))
			for i := 0; b.Loop(); i++ {
				if !again {
					memory = new(pull.Memory)
				}
				if p, err := readPush(memory, texts[i%len(texts)], ""); err != nil || len(p.games) != 1000 {
					b.Fatal(err)
				}
			}
		})
	}
}
