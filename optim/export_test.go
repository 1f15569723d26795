package optim

// RuleOf and PartsOf give tests what an optimizer is made of.
func RuleOf(o Optimizer) Rule         { return o.(*optimizer).rule }
func PartsOf(o Optimizer) []Transform { return o.(*optimizer).parts }
