package datasets

import "context"

// prefetcher is a goroutine that makes batches ahead of the consumer.
type prefetcher struct {
	items  chan item
	cancel context.CancelFunc
	done   chan struct{}
}

// item is a batch and what is true right after it, whatever the goroutine has done
// since.
type item struct {
	batch Batch
	err   error
	epoch int64 // of the next batch
	facts []fact
}

func prefetch(p *pipeline, n int) *prefetcher {
	ctx, cancel := context.WithCancel(context.Background())
	f := &prefetcher{items: make(chan item, n), cancel: cancel, done: make(chan struct{})}
	facts := make([][]fact, n+2) // as many as the assembler has buffers
	go func() {
		defer close(f.done)
		for i := 0; ; i = (i + 1) % len(facts) {
			next := item{}
			if next.batch, next.err = p.next(ctx); next.err == nil {
				facts[i] = p.facts(facts[i][:0])
				next.facts, next.epoch = facts[i], p.groups.epoch(ctx)
			}
			select {
			case f.items <- next:
			case <-ctx.Done():
				return
			}
			if next.err != nil {
				return
			}
		}
	}()
	return f
}

func (f *prefetcher) next(ctx context.Context) (item, error) {
	select {
	case next := <-f.items:
		return next, nil
	case <-ctx.Done():
		return item{}, ctx.Err()
	}
}

// stop ends the goroutine and waits for it.
func (f *prefetcher) stop() {
	f.cancel()
	<-f.done
}
