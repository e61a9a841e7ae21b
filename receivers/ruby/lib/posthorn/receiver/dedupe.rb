# frozen_string_literal: true

# Telling a repeated event from a new one: delivery is at least once, so each may come again.
module Posthorn
  # No delivery is tried for longer than 7 days after its publish, unless somebody recovers it by hand.
  WITHIN_SECONDS = 7 * 24 * 3600

  # Runs the block unless the event was seen before, and returns whether it ran. If it raises, the id is forgotten, so that the retry gets its chance, and
  # the exception goes on to the caller, whose answer is then no 2xx.
  #
  # A dedupe is whatever answers to these two:
  #
  # seen?(id, within_seconds):: whether this id was seen within so many seconds. If not, it is remembered in the same step: of two calls at once, one
  #                             alone gets false.
  # forget(id):: takes an id back.
  #
  # A copy that comes while the first is still being worked on counts as seen; and a crash in the middle of the work leaves the id in a memory that
  # outlives it. Where that matters, remember the id in the very transaction that does the work (the README shows it).
  def self.handle_once(dedupe, id, within_seconds: WITHIN_SECONDS)
    return false if dedupe.seen?(id, within_seconds)

    done = false
    begin
      yield
      done = true
    ensure
      # Not a rescue: a timeout and a throw (Sinatra's halt) end the work too.
      dedupe.forget(id) unless done
    end
  end

  # Ids in this process's memory: gone when it ends, and unknown to other processes. Threads may share it.
  class MemoryDedupe
    # max_ids:: bounds it (100,000 are about 20 MB): beyond that the oldest are forgotten early.
    # clock:: in seconds, for tests; by default one that nobody sets.
    def initialize(max_ids: 100_000, clock: -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) })
      raise ArgumentError, 'max_ids is 1 or more' unless max_ids.is_a?(Integer) && max_ids.positive?

      @max_ids = max_ids
      @clock = clock
      @until = {} # id => the instant at which it counts as new again; the oldest first, since a Hash keeps its order
      @lock = Mutex.new
    end

    def seen?(id, within_seconds)
      @lock.synchronize do
        now = @clock.call
        return true if @until.fetch(id, now) > now

        @until.delete(id)
        @until[id] = now + within_seconds
        drop_old(now)
        false
      end
    end

    def forget(id)
      @lock.synchronize { @until.delete(id) }
      nil
    end

    # How many ids it holds.
    def size
      @lock.synchronize { @until.size }
    end

    private

    def drop_old(now)
      @until.shift while @until.size > @max_ids || @until.first&.last&.<=(now)
    end
  end
end
