package consensus

import "iter"

// Command is one committed entry of the log on its way through a state machine.
type Command struct {
	Index uint64
	Term  uint64
	Data  []byte
	// Result is set by the state machine; the node that proposed the command
	// gets it back from Propose.
	Result any
	// Sum is set by a state machine that is Summed: its rolling sum once the command was applied.
	Sum uint64
}

// StateMachine is what a node applies committed commands to. All methods are
// called by one goroutine, in log order; they must not block on the network or on
// a Propose.
type StateMachine interface {
	// Apply applies the commands in order and sets each one's Result. It must
	// give the same outcome on every node: a refused command is a Result, too. The
	// slice is the node's own again afterwards.
	Apply(batch []Command)
	// Dirty returns the records that changed since the last call, by key, and
	// forgets that they changed. A nil value is a record that is to be removed. The keys must not
	// begin with "m/", which is where the members are kept. Nothing is applied
	// during the call, but the sequence is read, once, by another goroutine while
	// Apply goes on: so what takes time, encoding them, is to be done as it is read.
	Dirty() iter.Seq2[string, []byte]
	// Restore replaces everything by the records of a checkpoint or a
	// snapshot that stands at applied. load calls its argument for each
	// record; the value is valid during the call only.
	Restore(applied uint64, load func(func(key string, value []byte) error) error) error
}
