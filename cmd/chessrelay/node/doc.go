// Package node is one whole node: a member of the cluster (recorder or venue) or an edge. It
// connects the other packages:
//
//	 submissions, sources                       spectators
//	     │                                          ▲
//	┌────▼───┐  commands   ┌───────────┐  events  ┌─┴─────────┐
//	│  web   ├────────────►│ consensus │     ┌───►│ broadcast │
//	│  pull  │             └─────┬─────┘     │    └───────────┘
//	└────────┘   committed, in   │  ┌────────┴─┐  log  ┌───────┐
//	             log order       └─►│  Boards  ├──────►│ edges │
//	                                └──────────┘       └───────┘
//
// On an edge, package edge takes the place of consensus: it follows a node, and passes submissions
// on.
//
// [Open] starts a node in steps, each of which can fail. HTTP listens first and answers that the
// node is starting. Then the cluster is known and the hub opens. Then the boards are restored, and
// then the API answers. [Node.Close] ends them from the outside in.
//
// # Boards
//
// [Boards] is the state machine (boards.go). Only there does the pure state of package relay meet
// goroutines and a clock. mu guards the state. order is held from a change until it is published,
// so events are published in the order in which they were made. order is taken before mu.
//
// # Goroutines
//
// A node has these of its own, besides those of the packages:
//
//   - one serves HTTP, and one serves each port beside --http (listen.go)
//   - one asks four times a second whether the boards are stale or diverged
//   - one releases held commands when their delay has passed (boards.go)
//   - one makes the first token and keeps an invitation in a file (firsttoken.go, join.go)
//   - one says at the start if --join names another cluster (join.go)
//   - one writes the access log (accesslog.go)
package node
