// Package store is what a node keeps on disk: the Raft log, the boards, and
// who the node is. It knows no chess and no network. It keeps bytes by key.
package store
