package estimator

// Forwarding is what ForwardFeatures makes of a model function.
var Forwarding = forwarding
