<?php

declare(strict_types=1);

namespace Posthorn\Receiver;

/** A request that was verified. */
final class Webhook
{
    /** @param string $body byte for byte as it came */
    public function __construct(public readonly Event $event, public readonly string $body)
    {
    }
}
