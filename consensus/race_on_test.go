//go:build race

package consensus

const raceEnabled = true

// defaultSeeds is small: the race detector makes a schedule ten times slower. make test-long runs
// hundreds with it, and thousands without.
const defaultSeeds = 30
