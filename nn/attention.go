package nn

// attentionOptions are what only attention has a use for.
type attentionOptions struct{}
