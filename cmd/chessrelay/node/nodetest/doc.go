// Package nodetest starts whole nodes in the process of a test, over real sockets and files.
//
//	c := nodetest.NewCluster(t, 3) // a recorder and two venues
//	_, games := nodetest.NewRound(t, c.Nodes[0].URL, 1)
//	c.Nodes[1].Kill()
//	moves := c.Nodes[0].URL + "/api/games/" + games[0] + "/moves"
//	nodetest.Must(t, moves, nodetest.Object{"ply": 1, "move": "e4"})
//	c.Nodes[1].Start()
//	c.WaitEqual() // fails unless all nodes have the same boards
//
// A test can kill a [Node] and start it again with the same configuration. A [Spectator] keeps what
// a browser would. Nothing waits for a time: [Eventually] waits for a condition, and its limit is
// for a test that hangs. All nodes of a test end with it.
package nodetest
