<?php

declare(strict_types=1);

namespace Posthorn\Receiver;

/** No delivery is tried for longer than 7 days after its publish, unless somebody recovers it by hand. */
const WITHIN_SECONDS = 7 * 24 * 3600;

/**
 * Runs the work unless the event was seen before, and returns whether it ran. If it throws, the id is forgotten, so that the retry gets its chance, and the
 * exception goes on to the caller, whose answer is then no 2xx.
 *
 * A copy that comes while the first is still being worked on counts as seen; and a crash in the middle of the work leaves the id in a memory that
 * outlives it. Where that matters, remember the id in the very transaction that does the work (the README shows it).
 *
 * @param callable(): mixed $work
 */
function handleOnce(Dedupe $dedupe, string $id, callable $work, int $withinSeconds = WITHIN_SECONDS): bool
{
    if ($dedupe->seen($id, $withinSeconds)) {
        return false;
    }
    try {
        $work();
    } catch (\Throwable $error) {
        $dedupe->forget($id);
        throw $error;
    }
    return true;
}
