// Package remedies holds tests about the messages of all packages: each fault of
// input has a cause, a place and a remedy, is no longer than a reader takes in,
// and its remedy, when it is followed, does not lead to the same fault again. It
// has no code but tests.
package remedies
