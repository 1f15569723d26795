package optim

// RuleOf and PartsOf give tests what an optimizer is made of.
func RuleOf(o Optimizer) Rule         { return o.(*optimizer).rule }
func PartsOf(o Optimizer) []Transform { return o.(*optimizer).parts }

// Squares and SquaresOfRows are the sums of squares of a dense and a sparse gradient.
func Squares(x []float64) float64 { return squares(x) }
func SquaresOfRows(rows []int64, values []float64, elements int) float64 {
	return squaresOfRows(rows, values, elements)
}
