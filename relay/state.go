package relay

import (
	"slices"
	"unsafe"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// State is all tournaments, rounds and games: the state machine that the log's commands drive. It
// has no lock. Only one goroutine may be inside its methods at a time. The values that its methods
// return are immutable, and any goroutine may keep and read them.
type State struct {
	tournaments map[TournamentID]*Tournament
	rounds      map[RoundID]*Round
	games       gameTable

	// Derived from the above; see index.go.
	newestFirst []*Tournament          // newest first
	creations   map[creationKey]string // the id of what a request has created

	sources map[RoundID]bool     // the rounds that have a source, without the deleted ones
	deleted map[RoundID][]GameID // the games that were deleted themselves

	tokens          map[string]*Token // by id, with those revoked lately
	liveTokens      int               // how many are not revoked
	played, managed trail             // see audit.go
	line            []byte            // scratch memory of audit

	delayed         map[RoundID]*delayedRound // the rounds that have a delay
	releasedEvents  []Event                   // what was released since Release was called
	nextRelease     Millis                    // when Release may have work; 0: to be found
	arrived, uptime Millis                    // see Arrive
	shown           uint64                    // see Shown
	releaseCount    uint64                    // see Released
	sights          []Sight                   // the tiers' delays, ascending; copied on change
	isPublic        bool                      // the public's view alone; see loadedDelayed

	changed changes               // since TakeDirty
	parts   map[GameID]*gameParts // of Load, until Loaded joins them
	loading loading               // the same
	decoder moveDecoder
	rolling rolling // see Sum
	ahead   int     // see LookAhead
}

// liveGame is a game with what the State keeps about it.
type liveGame struct {
	*Game // the present version; a command that changes the game replaces it

	delayed *delayedRound // its round, if that has a delay
	changed bool          // since TakeDirty
	hidden  bool          // from readers: it, its round or its tournament was deleted
	private bool          // its tournament is private
	stored  storedGame    // what the checkpoints so far have of it
	hash    *[32]byte     // of the whole record; nil if it has changed since Hash
}

// NewState returns the empty state at index 0.
func NewState() *State {
	return &State{
		tournaments: make(map[TournamentID]*Tournament),
		rounds:      make(map[RoundID]*Round),
		creations:   make(map[creationKey]string),
		sources:     make(map[RoundID]bool),
		deleted:     make(map[RoundID][]GameID),
		parts:       make(map[GameID]*gameParts),
		nextRelease: never,
		played:      trail{key: "m"},
		managed:     trail{key: "c"},
	}
}

// Apply applies the command of the log entry at index and term. It is the one judge of what is
// legal. The caller passes each entry once, in the order of the log. The outcome depends on the
// state and the arguments alone, on every node, for ever. No bytes make Apply panic. A command that
// is refused, or cannot be read, changes nothing.
func (s *State) Apply(index, term uint64, command []byte) (out Outcome) {
	if len(s.delayed) == 0 {
		s.shown = index - 1 // the public has seen everything so far
	}
	s.applyEntry(index, term, command, &out)
	s.rolling.add(command, index, term, &out)
	return out
}

func (s *State) applyEntry(index, term uint64, command []byte, out *Outcome) {
	// A legal move's command is decoded without a copy, and the state keeps copies only. A refusal
	// may keep parts of the command, so it is decoded again from a copy.
	if c := s.decoder.decode(command, unsafe.String(unsafe.SliceData(command), len(command))); c != nil {
		s.applyCommand(index, term, c, out)
		if out.Err == nil {
			s.noteShown(out)
			if out.Held() {
				s.hold(out, Millis(c.At), command)
			}
			return
		}
		s.applyCommand(index, term, s.decoder.decode(command, string(command)), out)
		return
	}
	c, err := DecodeCommand(command)
	if err != nil {
		*out = Outcome{Index: index, Term: term, Err: err}
		return
	}
	s.applyCommand(index, term, c, out)
	s.noteShown(out)
	if out.Held() {
		s.hold(out, Millis(c.At), command)
	} else if out.events&tellRound != 0 {
		s.holdRounds(out, Millis(c.At))
	}
}

// applyCommand applies a decoded command, and answers in out.
func (s *State) applyCommand(index, term uint64, c *relaypb.Command, out *Outcome) {
	out.Index, out.Term = index, term
	err := firstError(checkEnvelope(c), s.refuseRevoked(c))
	if err == nil {
		err = s.dispatch(c, out)
	}
	switch {
	case err != nil:
		*out = Outcome{Index: index, Term: term, Err: err}
	case !out.Duplicate && !s.isPublic:
		s.noteTokenUse(c)
		s.audit(c, index)
	}
}

// checkEnvelope checks the fields that all commands have.
func checkEnvelope(c *relaypb.Command) error {
	if err := firstError(
		checkTime("at", c.At),
		checkText("by", c.By, MaxWho, false),
		checkText("request", c.Request, MaxRequest, false),
		checkText("source", c.Source, MaxTagName, false),
		checkText("from", c.From, maxFrom, false),
	); err != nil {
		return err
	}
	if _, isMove := c.Op.(*relaypb.Command_PlayMove); !isMove && c.Request == "" {
		return bad("request", "is required: without it, a command that is sent twice would count twice")
	}
	return nil
}

// dispatch applies the command and fills in out. If it returns an error, nothing has changed.
func (s *State) dispatch(c *relaypb.Command, out *Outcome) error {
	if err := s.refuseDeleted(c); err != nil {
		return err
	}
	switch op := c.Op.(type) {
	case *relaypb.Command_CreateTournament:
		return s.createTournament(c, op.CreateTournament, out)
	case *relaypb.Command_CreateRound:
		return s.createRound(c, op.CreateRound, out)
	case *relaypb.Command_CreateGame:
		return s.createGame(c, op.CreateGame, out)
	case *relaypb.Command_PlayMove:
		return s.playMove(c, op.PlayMove, out)
	case *relaypb.Command_TakeBack:
		return s.takeBack(c, op.TakeBack, out)
	case *relaypb.Command_SetResult:
		return s.setResult(c, op.SetResult, out)
	case *relaypb.Command_CorrectMoves:
		return s.correctMoves(c, op.CorrectMoves, out)
	case *relaypb.Command_UpdateGame:
		return s.updateGame(c, op.UpdateGame, out)
	case *relaypb.Command_UpdateRound:
		return s.updateRound(c, op.UpdateRound, out)
	case *relaypb.Command_UpdateTournament:
		return s.updateTournament(c, op.UpdateTournament, out)
	case *relaypb.Command_SetClock:
		return s.setClock(c, op.SetClock, out)
	case *relaypb.Command_Unlock:
		return s.unlock(c, op.Unlock, out)
	case *relaypb.Command_NoteSource:
		return s.setSourceNote(c, op.NoteSource, out)
	case *relaypb.Command_AcceptSource:
		return s.acceptSource(c, op.AcceptSource, out)
	case *relaypb.Command_Delete:
		return s.delete(c, op.Delete, out)
	case *relaypb.Command_Restore:
		return s.restore(c, op.Restore, out)
	case *relaypb.Command_CreateToken:
		return s.createToken(c, op.CreateToken, out)
	case *relaypb.Command_RevokeToken:
		return s.revokeToken(c, op.RevokeToken, out)
	}
	return refuse(ErrVersion, "the command asks for something that this program does not know: a newer chessrelay wrote it")
}

// Place returns the tournament and the round that the thing with this id belongs to. The round is
// empty for a tournament. Place also finds what was deleted.
func (s *State) Place(id string) (TournamentID, RoundID, bool) {
	round := RoundID(id)
	if g := s.games.get(GameID(id)); g != nil {
		round = g.Round
	}
	if r := s.rounds[round]; r != nil {
		return r.Tournament, r.ID, true
	}
	t := s.tournaments[TournamentID(id)]
	return TournamentID(id), "", t != nil
}

// Tournaments returns all of them, newest first.
func (s *State) Tournaments() []*Tournament { return slices.Clone(s.newestFirst) }

// Tournament returns the tournament with the id, unless it was deleted.
func (s *State) Tournament(id TournamentID) (*Tournament, bool) {
	t := s.tournaments[id]
	if t == nil || t.Deleted != nil {
		return nil, false
	}
	return t, true
}

// Round returns the round with the id, unless it or its tournament was deleted.
func (s *State) Round(id RoundID) (*Round, bool) {
	r := s.rounds[id]
	if r == nil || s.deletedRound(r) != nil {
		return nil, false
	}
	return r, true
}

// Game returns the game with the id, unless it, its round or its tournament was deleted.
func (s *State) Game(id GameID) (*Game, bool) {
	g := s.games.get(id)
	if g == nil || g.hidden {
		return nil, false
	}
	return g.Game, true
}
