package consensus

import "iter"

// Command is one committed entry of the log on its way through a state machine.
type Command struct {
	Index uint64
	Term  uint64
	Data  []byte
	// Outcome is what the state machine made of the command, which sets it. The node that proposed
	// the command returns it from Propose.
	Outcome any
	// Sum is set by a Summed state machine: its rolling sum after this command.
	Sum uint64
}

// StateMachine is what a node applies committed commands to. One goroutine calls all methods, in
// log order. They must not wait for the network or for a Propose.
type StateMachine interface {
	// Apply applies the commands in order and sets each one's Outcome, which must be the same on
	// every node. A refusal is an outcome, too. Apply must not keep the slice.
	Apply(batch []Command)
	// Dirty returns the records that changed since the last call, by key. A nil value is a record
	// to remove. No key may begin with "m/", where the members are.
	//
	// Nothing is applied during the call. Another goroutine reads the sequence once, while Apply
	// goes on. So the sequence should do the slow part, encoding, as it is read.
	Dirty() iter.Seq2[string, []byte]
	// Restore replaces everything by the records of a checkpoint or a snapshot at index applied.
	// load calls its argument for each record. The value is valid only during that call.
	Restore(applied uint64, load func(func(key string, value []byte) error) error) error
}
