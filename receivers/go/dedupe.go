package posthorn

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// Within is how long an id is best remembered: no delivery is tried for longer than 7 days after its publish, unless somebody recovers it by hand.
const Within = 7 * 24 * time.Hour

// Dedupe is a memory of events' ids. Implement it on your database to have it outlive the process and be shared by several.
type Dedupe interface {
	// Seen says whether this id was seen within so long. If not, it is remembered in the same step: of two calls at once, one alone gets false.
	// The id is the event's, from the body: both signatures cover it.
	Seen(ctx context.Context, id string, within time.Duration) (bool, error)
	// Forget takes an id back, because the work on it failed and its retry has to count as new.
	Forget(ctx context.Context, id string) error
}

// HandleOnce runs the work unless the event was seen Within. If the work fails or panics, the id is forgotten, so that the retry gets its chance;
// the error is the work's or the memory's, and your answer is then no 2xx.
//
// A copy that comes while the first is still being worked on counts as seen; and a crash in the middle of the work leaves the id in a memory that
// outlives it. Where that matters, remember the id in the very transaction that does the work (the README shows it).
func HandleOnce(ctx context.Context, dedupe Dedupe, id string, work func() error) error {
	seen, err := dedupe.Seen(ctx, id, Within)
	if err != nil || seen {
		return err
	}
	done := false
	defer func() {
		if !done {
			// The request may have been given up meanwhile; what it remembered must go all the same.
			_ = dedupe.Forget(context.Background(), id)
		}
	}()
	if err := work(); err != nil {
		return err
	}
	done = true
	return nil
}

// MemoryDedupe keeps ids in this process's memory: gone when it ends, and unknown to others. Made by NewMemoryDedupe; safe for concurrent use.
type MemoryDedupe struct {
	maxIDs int
	now    func() time.Time
	mutex  sync.Mutex
	oldest *list.List // of *remembered, in the order in which they came
	byID   map[string]*list.Element
}

type remembered struct {
	id    string
	until time.Time
}

// NewMemoryDedupe holds up to maxIDs ids, about 200 bytes each; beyond that the oldest are forgotten early. It panics if maxIDs is not positive.
func NewMemoryDedupe(maxIDs int) *MemoryDedupe {
	if maxIDs < 1 {
		panic("posthorn: NewMemoryDedupe needs room for one id at least")
	}
	return &MemoryDedupe{maxIDs: maxIDs, now: time.Now, oldest: list.New(), byID: map[string]*list.Element{}}
}

// Seen implements Dedupe. Its error is always nil.
func (m *MemoryDedupe) Seen(_ context.Context, id string, within time.Duration) (bool, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	now := m.now()
	if element, known := m.byID[id]; known {
		if now.Before(element.Value.(*remembered).until) {
			return true, nil
		}
		m.drop(element)
	}
	for front := m.oldest.Front(); front != nil && (m.oldest.Len() >= m.maxIDs || !now.Before(front.Value.(*remembered).until)); front = m.oldest.Front() {
		m.drop(front)
	}
	m.byID[id] = m.oldest.PushBack(&remembered{id: id, until: now.Add(within)})
	return false, nil
}

// Forget implements Dedupe. Its error is always nil.
func (m *MemoryDedupe) Forget(_ context.Context, id string) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if element, known := m.byID[id]; known {
		m.drop(element)
	}
	return nil
}

func (m *MemoryDedupe) drop(element *list.Element) {
	delete(m.byID, element.Value.(*remembered).id)
	m.oldest.Remove(element)
}
