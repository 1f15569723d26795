// Package goptuna lets goptuna (https://github.com/c-bata/goptuna, MIT) propose the
// trials of a search. It is a module of its own, so that the main one does not depend on
// goptuna.
//
//	res, err := tune.Search(ctx, dir, model, folds, goptuna.CMAES(space, 1), tune.Trials(50))
//
// goptuna sees every number as its place between 0 and 1 in its dimension, which spares
// it dimensions of different sizes. What a search has recorded is told to a new study when
// the search is resumed.
package goptuna
