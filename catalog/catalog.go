// Package catalog owns what is known of engines, cards, models and memory: the
// flags of each engine by version, the figures of each card, the shapes of
// models, and the arithmetic of what fits. It is data and pure functions and
// imports nothing of qtune's. It starts nothing, measures nothing and asks
// nobody: what an engine really accepts is for the engine to say.
package catalog
