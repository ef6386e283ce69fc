// Package relay is the domain: tournaments, rounds, games, moves, clocks and corrections, and the
// state machine that the log drives.
//
//	log entry ──► State.Apply ──► Outcome: the new values and events, or a refusal
//	              │
//	              ├── readers         [State] shows the truth, [State.ReaderFor] a sight
//	              ├── State.Release   makes public what a delay has held
//	              └── State.TakeDirty the records that a checkpoint writes; State.Load reads them
//
// # Promises
//
//   - Apply is a pure function. The package does no I/O, starts no goroutine, reads no clock, draws
//     no random number and takes no lock. So every node makes the same of the same log, for ever.
//   - Apply is the one judge of what is legal, and never panics, on any bytes. A refused command
//     changes nothing. The refusals are in errors.go; their messages go to the person who asked.
//   - A command that comes twice changes nothing the second time, and gets the same answer.
//   - Published values are immutable: a command that changes a game makes a new [Game], and the two
//     share what did not change.
//
// State is for one goroutine at a time. Its owner holds a lock to fetch a pointer, and none to read
// what it points to.
//
// # Commands
//
// A [relaypb.Command] says what somebody wants. The node that receives it adds what must be the
// same everywhere: the time, a new id, the author and a request id. [EncodeCommand] makes a log
// entry of it.
//
// A submitter that gets no answer sends its command again, so an entry may come twice, with others
// between. The second one is a Duplicate, and has the index and term of the entry that made the
// change. Apply recognises it in two ways:
//
//   - The state has what the command asks for: the same move at the same ply, the same result, the
//     takeback that led to the present ply.
//   - Everything that changes keeps its request: what it created, the move it played, the [Change]
//     it asked for. A move that is taken back stays in [Change.Removed]. Clocks without a move keep
//     only the last request; a game takes only clocks that were read later than its last ones.
//
// So each new intent needs a new request id, and only moves may have none. A refusal is not
// remembered: the same command may be accepted later.
//
// A command says whether a person asks or a source. A field that a person sets is locked: a source
// cannot change it until it is unlocked (lock.go). The source's value is kept beside the game for
// the person (note.go). A command also names the token that it came with. Apply refuses it if the
// token was revoked before.
//
// # Games
//
// Standard chess and Chess960 are known. SAN and UCI are read in common spellings; SAN is written
// as in the PGN standard. A move has ply [Game.Ply]+1 and must be legal. Package rules decides
// that, and only rules.go calls it. fen.go and fencheck.go decide what a game may start from. Mate
// and stalemate end a game with an automatic result, which the arbiter or a source may overrule. A
// game with a result takes no move. A takeback reopens it; a correction keeps the result unless it
// names another. A clock that a move does not tell is carried over from the move before
// ([Move.Carried]); clocks may also be told without a move.
//
// # Delay
//
// A round may have a delay of up to an hour. The State is the truth, and a delay changes none of
// the above. The State also keeps the public's view of such a round: the round after the first of
// its commands. The commands behind them are held, until the delay has passed since their own time
// and all commands before them are released. The node that leads the log stamps that time.
//
//	the round's commands   1 2 3 4 5 6 7 8 9
//	                       └public─┘ └held─┘
//	                       └── a tier ─┘
//	                       └──── truth ────┘
//
// [State.Release] is told the time, and releases what is due. So the public's view is a function of
// the log and the time, and of nothing that one node remembers. [State.Public] shows it. A round
// without a delay has the truth as its only view.
//
// A command that changes the delay first releases what is due under the old delay. So a longer
// delay hides nothing again, also when the log is replayed. The command itself is held, too. The
// public has a round and its tournament from the beginning. Events of the round are held, including
// the creation of its games.
//
// A viewer's token may have a shorter delay than the round. So there is a tier for each such delay:
// the public's view and the first held commands on top (sight.go). [State.ReaderFor] shows the view
// of a [Sight], and hides private tournaments from clients whose tokens do not cover them.
//
// The public has an index of its own, [State.Shown]: the newest index whose effect it may see. No
// held command moves it, so no index that the public is told tells what is held.
//
// # Deletion
//
// Readers do not find a deleted tournament, round or game, nor anything in it. For 30 days it can
// be restored; it takes no other command. It stays in the state, in checkpoints and in the hash.
// The public loses it at once, whatever is held, so it may have less at an index than before;
// [Event.Renews] says when.
//
// # Checkpoints
//
// [State.TakeDirty] returns the records that have changed since the last call, by key:
//
//	t/<id>                  a tournament
//	r/<id>                  a round
//	g/<created>/<id>        the head of a game: its tags, its result, and at most 127 last moves
//	g/<created>/<id>/m0000  its first 128 moves; m0001 the next 128, and so on
//	g/<created>/<id>/c0000  the first line of its audit trail, with the moves that it took back
//	p/r/<id> …              a round with a delay, and its games, in the public's view
//	h/<round>/<index>       a held command, since the log may be cut behind it
//	k/<id>                  a token, with a salted hash of its secret
//	a/m/<block>             lines of the audit trail about moves, clocks and sources
//	a/c/<block>             its other lines
//	s/sum                   the rolling sum, see [State.Sum]
//
// <created> is the index of the command that created the game, in 16 hexadecimal digits. So games
// that are played at the same time are neighbours in the file, and of a running game only the head
// is written again. [State.Loaded] replays the games, derives the rest and checks that all belongs
// together. [State.Hash] is one number over the truth; it does not depend on how records are cut.
//
// # Changing it
//
// What a command of an old log asked for it must go on to do, and be refused if it was refused. A
// command that is to mean something else gets another [CommandVersion].
//
// The formats are in relay.proto. Each version must replay testdata/golden*.log to the same hash,
// and to the rolling sums of golden-sums.txt. Only new nodes know a new operation or a new limit:
// all nodes of a cluster must have it before the first command that needs it.
//
// # Where to look
//
//	state.go    Apply; decode.go reads the commands that play a move
//	create.go   tournaments, rounds, games; update.go and settings.go change them
//	play.go     moves; correct.go takebacks and results; correction.go many moves at once
//	clock.go    clocks that are told without a move; history.go the audit trail of a game
//	lock.go     what a person has set; note.go what the source has instead; source.go the sources
//	delete.go   deletions; deleted.go what readers do not find
//	delay.go    held commands and their release; sight.go the tiers; public.go how views are read
//	shown.go    the public's index; held.go what a checkpoint stores of rounds with a delay
//	token.go    tokens; audit.go who has changed what
//	names.go    which names are one player's; similar.go which may be
//	limits.go   how long and how many of everything
package relay

//go:generate ./relaypb/generate.sh
