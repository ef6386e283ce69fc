package relay

import (
	"slices"
	"unsafe"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// State is all tournaments, rounds and games: what the log's commands add up
// to. It has no lock of its own. One goroutine at a time may be inside any method;
// the values that the readers return are immutable and may be kept and read
// from anywhere.
type State struct {
	tournaments map[TournamentID]*Tournament
	rounds      map[RoundID]*Round
	games       gameTable

	// Derived from the above; see index.go.
	newestFirst []*Tournament          // newest first
	creations   map[creationKey]string // what a request has created: an id

	sources map[RoundID]bool     // the rounds that have one, without those that are gone
	deleted map[RoundID][]GameID // the games that were deleted themselves

	tokens          map[string]*Token // by id, with those that were revoked lately
	liveTokens      int               // without those
	played, managed trail             // of the audit; see audit.go
	line            []byte            // scratch of audit

	delayed         map[RoundID]*delayedRound // the rounds that have a delay
	releasedEvents  []Event                   // what was released since Release was called
	nextRelease     Millis                    // when Release may have something to do next; 0: to be found
	arrived, uptime Millis                    // see Arrive
	shown           uint64                    // see Shown
	releaseCount    uint64                    // see Released
	sights          []Sight                   // the delays that viewers have, ascending; a new slice for each change
	isPublic        bool                      // this is the public's view alone: it holds nothing; see loadedDelayed

	changed changes               // since TakeDirty
	parts   map[GameID]*gameParts // of Load, until Loaded puts them together
	loading loading               // likewise
	decoder moveDecoder
	rolling rolling // see Sum
	ahead   int     // see LookAhead
}

// liveGame is a game with what is not published of it.
type liveGame struct {
	*Game // as published: a command that changes it puts another one here

	delayed *delayedRound // of its round; nil if that has no delay
	changed bool          // since TakeDirty
	hidden  bool          // for readers: it was deleted, or what it is in
	private bool          // its tournament is private
	stored  storedGame    // what the checkpoints so far hold of it
	hash    *[32]byte     // of the whole record; nil if it has changed since Hash saw it
}

// NewState returns the state at index 0: nothing.
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

// Apply applies the command of the log entry at index and term, and answers what
// came of it. It is the one judge of what is legal. Entries are given in the order
// of the log, and each once. The result depends on the state and the arguments
// alone, on every node and for ever, and no bytes make it panic: a command that
// is refused, or cannot even be read, leaves everything as it was.
func (s *State) Apply(index, term uint64, command []byte) (out Outcome) {
	if len(s.delayed) == 0 {
		s.shown = index - 1 // all of it was seen
	}
	s.applyEntry(index, term, command, &out)
	s.rolling.add(command, index, term, &out)
	return out
}

func (s *State) applyEntry(index, term uint64, command []byte, out *Outcome) {
	// Of a command that plays a move nothing is kept but copies. Where something may be, in
	// the error of a refusal, it is looked at once more.
	if c := s.decoder.decode(command, unsafe.String(unsafe.SliceData(command), len(command))); c != nil {
		if s.applyCommand(index, term, c, out); out.Err == nil {
			if s.noteShown(out); out.Held() {
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
	if s.noteShown(out); out.Held() {
		s.hold(out, Millis(c.At), command)
	} else if out.events&tellRound != 0 {
		s.holdRounds(out, Millis(c.At))
	}
}

// applyCommand applies a command that has been read, and answers in out.
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

// checkEnvelope checks what all commands have in common.
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

// dispatch fills out. It returns an error before it has changed anything, or none.
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

// Place returns the tournament that the thing with this id is of, and the round unless it is the
// tournament itself. It finds what was deleted too.
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

// Game returns the game with the id, unless it or what it is in was deleted.
func (s *State) Game(id GameID) (*Game, bool) {
	g := s.games.get(id)
	if g == nil || g.hidden {
		return nil, false
	}
	return g.Game, true
}
