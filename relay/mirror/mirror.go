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
	// Deleted are the round's deleted games, see [relay.State.DeletedGames]. A source game that is
	// one of them stays deleted.
	Deleted []*relay.Game
	// Shorten is a setting of the round: a source with fewer moves takes the others back.
	Shorten bool
	// Source is the source's name in the log and in notes.
	Source string
	// Players are replacements from the tournament's settings. Diff applies them to the source
	// games before it compares anything.
	Players *Replacements
}

// Game is one game as a source shows it.
type Game struct {
	// ID is the source's permanent name for the game; empty if there is none. It is believed only
	// if no two games have the same.
	ID string
	// Event and Round are as the source writes them. They tell games of the same players apart, and
	// may be empty.
	Event, Round string
	// Board is the source's number for the board; 0 if it has none. Numbers are believed only if no
	// two games have the same.
	Board int

	// White and Black are the players. An empty or zero field is unknown, and stays as it was.
	White, Black relay.Player
	// Unnamed says that the source has no White or no Black, not even an unknown one. Such a game
	// is half written, and opens no board.
	Unnamed bool
	// StartFEN is the start position; empty for the standard one.
	StartFEN    string
	Variant     string
	TimeControl string
	// Tags are further PGN tags to keep with the game, each name once. See [relay.OwnTag] for tags
	// that cannot be kept.
	Tags []relay.Tag

	Moves []Move // of the main line, all of them legal
	// Clock is the time left now, if the source tells it without a move. It was read at ClockAt; 0
	// if that is unknown.
	Clock   relay.Clock
	ClockAt relay.Millis
	// Result is the result: [relay.Ongoing] if the source says that the game goes on, and empty if
	// it says nothing.
	Result relay.Result
	// Forfeit says that the game was not played, or not to its end.
	Forfeit bool
	// Broken says that the source has more moves, which could not be read. The readable moves are
	// played, and nothing is taken back.
	Broken bool
	// Warning says why the moves end here, for the game's [relay.WarningTag]; empty if nothing is
	// wrong.
	Warning string

	// Set by FromPGN.
	startUnreadable bool      // the start position cannot be read
	unread          *pgn.Game // the game, if some moves could not be played; see readAfterIllegal

	// namesInSource are the source's names of the players, once Replacements has seen the game.
	namesInSource *[2]string
}

// Move is one ply.
type Move struct {
	// UCI is as package rules writes it, so equal moves are equal texts. Of an illegal move it is
	// the text.
	UCI string
	// FEN is the position after an illegal move that the boards have; empty for a legal move.
	FEN string
	// Clock is the time left after the move; [relay.NoTime] for a side that is unknown.
	Clock relay.Clock
	// At is when the move was played; 0 if the source does not say.
	At relay.Millis
}

// Change is what one source game means for the round.
type Change struct {
	// Game is the board game, which may exist only once the commands are applied; empty if the
	// source game opens no board.
	Game  relay.GameID
	Board int
	// New says that the game opens a board.
	New bool
	// Commands are to be submitted in this order. Each has an operation and a request id; the
	// caller adds the time and the submitter. None: the board already agrees with the source.
	Commands []*relaypb.Command
	// Kept is the number of plies that the log keeps beyond the source's.
	Kept int
	// Locked are the fields where the source differs from what a person has set, as in
	// [relay.Lock.Field]. They stay. The name "source" stands for the whole board if a person plays
	// it by hand.
	Locked []string
	// Warning is the game's warning once the commands are applied, see [relay.WarningTag]. It is
	// empty if all moves of the source could be played, if need be with the boards' illegal move.
	Warning string
	// Err says why the game was not compared. It is [ErrUnnamed], [ErrDeleted] or nil.
	Err error
}

// ErrUnnamed is the Err of a [Change] whose game opens no board.
var ErrUnnamed = errors.New("the game lacks a player's name, so it opens no board")

// ErrDeleted is the Err of a [Change] whose game was deleted from the round. Game and Board say
// which game it was.
var ErrDeleted = errors.New("this game was deleted here, and stays deleted until it is restored")

// Diff returns one Change for each game, in the order of games. Boards that the source does not
// show stay as they are.
//
// The caller must read the round after all its earlier commands were applied. If others submit at
// the same time, some commands may be refused or change nothing. Then read the round again and call
// Diff again, until no Change has commands.
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
			out[i] = create(round.ID, &s, m.newBoard[i], m.source[i].creationRequest)
		}
		for _, c := range out[i].Commands {
			c.Source = source
		}
	}
	return out
}

// OtherRound compares the Round tags of a source with those of the round's games. foreign are the
// indexes of source games whose round number no board game has. inSource and inRound are one number
// of each, such as "2" and "1". Games without a Round count for nothing, and so do boards whose
// Round a person has set.
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
