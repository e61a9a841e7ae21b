package posthorn

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func seen(t *testing.T, dedupe Dedupe, id string, within time.Duration) bool {
	t.Helper()
	known, err := dedupe.Seen(context.Background(), id, within)
	if err != nil {
		t.Fatal(err)
	}
	return known
}

func TestMemoryDedupe(t *testing.T) {
	clock := time.Unix(testNow, 0)
	dedupe := NewMemoryDedupe(100)
	dedupe.now = func() time.Time { return clock }
	if seen(t, dedupe, "evt_1", time.Minute) || !seen(t, dedupe, "evt_1", time.Minute) || seen(t, dedupe, "evt_2", time.Minute) {
		t.Error("an id is new once")
	}
	clock = clock.Add(time.Minute - 1)
	if !seen(t, dedupe, "evt_1", time.Minute) {
		t.Error("forgotten too early")
	}
	clock = clock.Add(1)
	if seen(t, dedupe, "evt_1", time.Minute) {
		t.Error("remembered too long, or longer for being asked")
	}
	dedupe.Forget(context.Background(), "evt_1")
	dedupe.Forget(context.Background(), "never there")
	if seen(t, dedupe, "evt_1", time.Minute) {
		t.Error("not taken back")
	}
}

func TestAnIDThatIsNewAgainIsNotTheOldest(t *testing.T) {
	clock := time.Unix(testNow, 0)
	dedupe := NewMemoryDedupe(3)
	dedupe.now = func() time.Time { return clock }
	seen(t, dedupe, "b", time.Minute)
	seen(t, dedupe, "a", time.Second)
	clock = clock.Add(time.Second)
	for _, id := range []string{"a", "c", "d"} {
		seen(t, dedupe, id, time.Minute)
	}
	if !seen(t, dedupe, "a", time.Minute) {
		t.Error("forgotten before an older one")
	}
}

func TestMemoryDedupeIsBounded(t *testing.T) {
	clock := time.Unix(testNow, 0)
	dedupe := NewMemoryDedupe(3)
	dedupe.now = func() time.Time { return clock }
	for i := 0; i < 10; i++ {
		seen(t, dedupe, strconv.Itoa(i), time.Minute)
	}
	if len(dedupe.byID) != 3 || dedupe.oldest.Len() != 3 || !seen(t, dedupe, "7", time.Minute) || seen(t, dedupe, "6", time.Minute) {
		t.Errorf("holds %v", dedupe.byID)
	}
	clock = clock.Add(time.Minute)
	seen(t, dedupe, "next", time.Minute)
	if len(dedupe.byID) != 1 || dedupe.oldest.Len() != 1 {
		t.Errorf("holds %v after their time", dedupe.byID)
	}
	defer func() {
		if recover() == nil {
			t.Error("no room at all was accepted")
		}
	}()
	NewMemoryDedupe(0)
}

func TestOfManyAtOnceOneIsNew(t *testing.T) {
	dedupe := NewMemoryDedupe(1_000)
	var fresh int64
	var all sync.WaitGroup
	for worker := 0; worker < 16; worker++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for id := 0; id < 200; id++ {
				if known, _ := dedupe.Seen(context.Background(), strconv.Itoa(id), time.Hour); !known {
					atomic.AddInt64(&fresh, 1)
				}
			}
		}()
	}
	all.Wait()
	if fresh != 200 {
		t.Errorf("%d were new, not 200", fresh)
	}
}

func TestHandleOnce(t *testing.T) {
	dedupe, ctx, runs := NewMemoryDedupe(10), context.Background(), 0
	failure := errors.New("the database is down")
	work := func(result error) func() error {
		return func() error {
			runs++
			return result
		}
	}
	if err := HandleOnce(ctx, dedupe, "evt_1", work(failure)); err != failure || runs != 1 {
		t.Errorf("%v after %d runs", err, runs)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not go on")
			}
		}()
		HandleOnce(ctx, dedupe, "evt_1", func() error { panic("a bug") })
	}()
	for i := 0; i < 2; i++ {
		if err := HandleOnce(ctx, dedupe, "evt_1", work(nil)); err != nil || runs != 2 {
			t.Errorf("%v after %d runs", err, runs)
		}
	}
}
