package base

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/mirror"
)

// Check refuses replacements and team lists that have a line that cannot be read. The boards take
// any text: the mirror decides what a line means, and that may grow.
func (in TournamentSettingsIn) Check() error {
	replacements, teams := cmp.Or(in.Replacements, new(string)), cmp.Or(in.Teams, new(string))
	if len(*replacements) > relay.MaxReplacements || len(*teams) > relay.MaxReplacements {
		return nil // the boards refuse it
	}
	_, err := mirror.ParseReplacements(*replacements, *teams)
	if line, ok := errors.AsType[*mirror.LineError](err); ok {
		return &Error{
			Status: http.StatusBadRequest, Code: "bad_request", Message: line.Error(),
			More: map[string]any{"field": line.Field, "line": line.Line},
		}
	}
	return err
}
