// Package exporters decides after each evaluation whether the model is exported: the
// exporters of tf.estimator, for estimator.Exporters.
//
//		test := estimator.NewEvalSpec("test", input, estimator.Exporters(
//			exporters.Final("final"), exporters.Best("best", estimator.Greatest("accuracy"))))
//
//	  - [Final] exports once, when training has ended.
//	  - [Latest] exports after every evaluation.
//	  - [Best] exports what is better than everything it exported before, restarts included.
//	  - [Steps] exports at the first evaluation at or after each of some steps.
//
// Each export is a directory <model directory>/export/<name>/<step> that appears whole and
// that estimator.ReadExport describes; an estimator with it as its ModelDir predicts.
//
// A [Policy] says which versions of a directory are kept: see [Collect].
package exporters
