//go:build race

package consensus

const raceEnabled = true

// defaultSeeds is small: the race detector makes a schedule ten times slower.
const defaultSeeds = 100
