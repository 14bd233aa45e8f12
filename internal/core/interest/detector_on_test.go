//go:build race

package interest

// raceDetector tells tests that the race detector is on: it allocates, and all is slower.
const raceDetector = true
