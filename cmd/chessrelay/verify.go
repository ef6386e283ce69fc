package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/chessrelay/chessrelay/relay/chain"
	"github.com/spf13/cobra"
)

// maxExport bounds a history that is read from a file or a node.
const maxExport = 256 << 20

// newVerifyCommand is chessrelay verify.
func newVerifyCommand(env *environment) *cobra.Command {
	var kept []string
	var token string
	cmd := &cobra.Command{
		Use:   "verify FILE|URL…",
		Short: "Checks the hash chain of a tournament's history",
		Long: `Checks an answer of GET /api/tournaments/ID/history, or the same of a round or a game. Each entry has a hash
over itself and the entries before it. FILE is an answer that curl has saved. For a URL, such as
http://venue:8080/api/tournaments/ID/history, it also fetches and checks the rounds and games.

It names each entry that was changed, removed or reordered. It cannot detect a false history with new hashes
on which all nodes agree. For that, keep the head somewhere else, and pass it with --head later.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			v := &verifier{env: env, token: token, kept: kept, seals: map[string]string{}}
			for _, arg := range args {
				if isURL(arg) && !strings.HasSuffix(arg, "/history") {
					arg = strings.TrimRight(arg, "/") + "/history"
				}
				if err := v.check(cmd.Context(), arg, "", ""); err != nil {
					return err
				}
			}
			return v.end()
		},
	}
	cmd.Flags().StringArrayVar(&kept, "head", nil, "a `HASH`, a head or a seal that was kept earlier: it must be in one of the histories; may be repeated")
	cmd.Flags().StringVar(&token, "token", "", "a `TOKEN` that may read rounds with a delay as they are")
	return cmd
}

// verifier checks documents, and compares those that belong together.
type verifier struct {
	env    *environment
	token  string
	kept   []string
	seals  map[string]string // by what and id, of the checked documents
	wanted []wantedSeal
	faults int
	found  map[string]bool // of the kept heads
}

// wantedSeal is the seal of a part that the whole has recorded.
type wantedSeal struct{ of, what, id, seal string }

// check checks one file or URL. For a URL, it also checks the parts. The document must be of what
// and id, unless they are empty.
func (v *verifier) check(ctx context.Context, from, what, id string) error {
	data, err := v.read(ctx, from)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	d, err := chain.Parse(data)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	if what != "" && (d.What != what || d.ID != id) {
		return fmt.Errorf("%s: it is the history of the %s %s, not of the %s %s", from, d.What, d.ID, what, id)
	}
	v.judge(from, d)
	what, parts := d.Parts()
	for _, p := range parts {
		v.wanted = append(v.wanted, wantedSeal{from, what, p.ID, p.Seal})
		if isURL(from) {
			if _, done := v.seals[what+" "+p.ID]; done {
				continue
			}
			base, _, _ := strings.Cut(from, "/api/")
			if err := v.check(ctx, fmt.Sprintf("%s/api/%ss/%s/history", base, what, p.ID), what, p.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// judge prints what is wrong with one document.
func (v *verifier) judge(from string, d *chain.Document) {
	v.seals[d.What+" "+d.ID] = d.Seal
	if v.found == nil {
		v.found = map[string]bool{}
	}
	for _, hash := range v.kept {
		v.found[hash] = v.found[hash] || d.Has(hash)
	}
	faults := d.Check()
	v.faults += len(faults)
	for _, f := range faults {
		fmt.Fprintf(v.env.stdout, "%s: %s\n", from, f)
	}
	if len(faults) == 0 {
		fmt.Fprintf(v.env.stdout, "%s: %s %s, %d entries, intact; head %s\n", from, d.What, d.ID, d.Len(), d.Head)
	}
}

// end compares the parts with the whole, and the kept heads with those that were seen.
func (v *verifier) end() error {
	for _, w := range v.wanted {
		if seal, ok := v.seals[w.what+" "+w.id]; ok && seal != w.seal {
			v.faults++
			fmt.Fprintf(v.env.stdout, "%s: the %s %s is not the one that was sealed: it was changed, or read at another moment\n", w.of, w.what, w.id)
		}
	}
	for _, hash := range v.kept {
		if !v.found[hash] {
			v.faults++
			fmt.Fprintf(v.env.stdout, "the head %q is in none of them: its history was changed since, or is not among them\n", hash)
		}
	}
	if v.faults > 0 {
		return fmt.Errorf("%d faults: this is not the history as it was recorded", v.faults)
	}
	return nil
}

func isURL(from string) bool {
	return strings.HasPrefix(from, "http://") || strings.HasPrefix(from, "https://")
}

// read reads a file, or asks a node.
func (v *verifier) read(ctx context.Context, from string) ([]byte, error) {
	if !isURL(from) {
		f, err := os.Open(from)
		if err != nil {
			return nil, errors.Unwrap(err)
		}
		defer f.Close()
		return readExport(f)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	if v.token != "" {
		req.Header.Set("Authorization", "Bearer "+v.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	data, err := readExport(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		var answer struct{ Error string }
		_ = json.Unmarshal(data, &answer)
		return nil, fmt.Errorf("it answered %s: %.200q", res.Status, answer.Error)
	}
	return data, err
}

func readExport(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxExport+1))
	if err == nil && len(data) > maxExport {
		err = fmt.Errorf("it is longer than %d bytes", maxExport)
	}
	return data, err
}
