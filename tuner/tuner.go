// Package tuner owns a run: which trials there are and in what order, what each
// gave, the journal in which that is kept, and the choice among them. It starts
// servers and measures them only through functions that it is given, so it
// knows nothing of containers, processes or HTTP. Planning and deciding are
// pure; only Run, Journal and Folder touch the world.
package tuner
