//go:build !race

package consensus

const raceEnabled = false

const defaultSeeds = 4000
