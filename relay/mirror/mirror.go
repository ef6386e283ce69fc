package mirror

import (
	"cmp"
	"errors"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// Round is a round as the log has it.
type Round struct {
	ID    relay.RoundID
	Games []*relay.Game // by board
	// Deleted are the games of the round that were deleted, see [relay.State.DeletedGames]. A game
	// of the source that is one of them stays deleted.
	Deleted []*relay.Game
	// Shorten, a setting of the round: a source with fewer moves takes back those that it has not.
	Shorten bool
	// Source is what the source is called, in the log and in notes of what it has.
	Source string
	// Players, settings of the tournament, are applied to what the source says before anything is
	// compared.
	Players *Replacements
}

// Game is one game as a source tells it.
type Game struct {
	// ID is what the source calls the game, for ever; empty if it does not say. It is believed only
	// if no two games have the same.
	ID string
	// Event and Round as the source writes them, so that two games of the same
	// players can be told apart. May be empty.
	Event, Round string
	// Board is the number that the source gives the board; 0 if it does not. Numbers are
	// believed only if no two games have the same.
	Board int

	// White and Black: what is empty or 0 is not known, and stays as it was.
	White, Black relay.Player
	// Unnamed: the source does not even say that White or Black is unknown. Such a game opens no
	// board: it is half written.
	Unnamed bool
	// StartFEN is the position at the start, empty for the standard one.
	StartFEN    string
	Variant     string
	TimeControl string
	// Tags are further PGN tags that are to stay with the game, each name once. See [relay.OwnTag] for those that cannot.
	Tags []relay.Tag

	Moves []Move // of the main line, all of them legal
	// Clock is the time left now, if the source tells it without a move, read at ClockAt (0: it
	// does not say when).
	Clock   relay.Clock
	ClockAt relay.Millis
	// Result is the result, [relay.Ongoing] if the source says that the game
	// goes on, and empty if it says nothing.
	Result relay.Result
	// Forfeit: the game was not played, or not played out.
	Forfeit bool
	// Broken: the source has more moves, which could not be read. What is there is
	// appended, and nothing is taken back for it.
	Broken bool
	// Warning says why the moves end here, for the game's [relay.WarningTag]; empty if nothing is wrong.
	Warning string

	startUnreadable bool       // of FromPGN: what it starts from cannot be read
	unread          *pgn.Game  // of FromPGN, if its moves could not all be played; see readAfterIllegal
	namesInSource   *[2]string // what the source calls the players, if Replacements has seen the game
}

// Move is one ply.
type Move struct {
	UCI string // as package rules writes it, so that equal moves are equal texts; of an illegal one its text
	FEN string // of an illegal one that the boards have, where it led to
	// Clock is what is known of the time left after the move; a side that is not
	// is [relay.NoTime].
	Clock relay.Clock
	// At is when it was played; 0 if the source does not say.
	At relay.Millis
}

// Change is what one game of the source means for the round.
type Change struct {
	// Game is the game of the round that it is, or will be once the commands are applied; empty of
	// one that opens no board.
	Game  relay.GameID
	Board int
	// New: the game opens a board.
	New bool
	// Commands to be submitted in this order, each with an operation and a
	// request id; the submitter adds the time and who asks. Empty: all is as the source says.
	Commands []*relaypb.Command
	// Kept is the number of plies that the log has beyond the source's and keeps.
	Kept int
	// Locked are the fields in which the source differs from what a person has set, as in
	// [relay.Lock.Field]; they stay. "source" stands for all of a board that a person plays by
	// hand.
	Locked []string
	// Warning is the game's once the commands are applied, empty if all that the source has could be played: also if [FromPGN] thought
	// otherwise, since the boards have an illegal move there. See [relay.WarningTag].
	Warning string
	// Err says why nothing of the game was compared. It is [ErrUnnamed], [ErrDeleted] or nil.
	Err error
}

// ErrUnnamed is the Err of a [Change] whose game opens no board.
var ErrUnnamed = errors.New("the game names no White or no Black, and opens no board")

// ErrDeleted is the Err of a [Change] whose game was deleted from the round. Its Game and Board say
// which it was.
var ErrDeleted = errors.New("this game was deleted here, and stays so until it is restored")

// Diff returns one Change for each of the games, in their order. What the round has
// and the source has not stays as it is.
//
// The round must be read after everything that was submitted before was applied. If
// others submit at the same time, some commands may be refused or come to nothing:
// read the round again then and call Diff again, until no Change has commands.
func Diff(round Round, games []Game) []Change {
	games = withDistinctIDs(round.Players.Apply(games))
	source := cmp.Or(round.Source, "source")
	m := match(boardGames(round.Games), boardGames(round.Deleted), games)
	out := make([]Change, len(games))
	for i, s := range games {
		s.Moves = s.Moves[:min(len(s.Moves), relay.MaxPlies)]
		s.Clock = validClock(s.Clock)
		b := m.found[i]
		switch {
		case b != nil && b.Deleted != nil:
			out[i] = Change{Game: b.ID, Board: b.Board, Warning: s.Warning, Err: ErrDeleted}
		case b != nil:
			out[i] = update(b, &s, source, round.Shorten)
		case !m.opensBoard(i):
			out[i] = Change{Warning: s.Warning, Err: ErrUnnamed}
		default:
			out[i] = create(round.ID, &s, m.newBoard[i], m.source[i].creationRequest, source)
		}
		for _, c := range out[i].Commands {
			c.Source = source
		}
	}
	return out
}

// OtherRound compares the Round tags of a source with those of the round's games. foreign are the
// places, from 0, of the source's games that are of a round which none of the round's games is of;
// source and stands are the numbers of one of them and of one of the round's, such as "2" and "1".
// Games without a Round, and those whose Round a person has set, say nothing.
func OtherRound(round Round, games []Game) (inSource, inRound string, foreign []int) {
	roundNumbers := map[string]bool{}
	for _, g := range round.Games {
		if _, locked := g.Lock("tags.Round"); locked {
			continue
		}
		if n := roundNumber(valueOf(g.Tags, "Round")); n != "" {
			roundNumbers[n], inRound = true, n
		}
	}
	if len(roundNumbers) == 0 {
		return "", "", nil
	}
	for i := range games {
		if n := roundNumber(games[i].Round); n != "" && !roundNumbers[n] {
			inSource, foreign = n, append(foreign, i)
		}
	}
	return inSource, inRound, foreign
}

// roundNumber is the first number of a round: "5" of "5.2.1".
func roundNumber(tag string) string {
	number, _, _ := strings.Cut(roundKey(tag), ".")
	return number
}
