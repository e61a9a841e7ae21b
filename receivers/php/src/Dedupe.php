<?php

declare(strict_types=1);

namespace Posthorn\Receiver;

/** A memory of events' ids, since delivery is at least once. Implement it on your database to have it outlive the process and be shared by several. */
interface Dedupe
{
    /**
     * Whether this id was seen within so many seconds. If not, it is remembered in the same step: of two calls at once, one alone gets false.
     *
     * @param string $id the event's, from the body: both signatures cover it
     */
    public function seen(string $id, int $withinSeconds): bool;

    /** Takes an id back, because the work on it failed and its retry has to count as new. */
    public function forget(string $id): void;
}
