<?php

declare(strict_types=1);

namespace Posthorn\Receiver;

/** A request that was refused, or a secret with which a receiver does not start. The message holds nothing of the request or the secret. */
final class WebhookError extends \RuntimeException
{
    public function __construct(public readonly ErrorCode $errorCode, ?string $message = null)
    {
        parent::__construct($message ?? $errorCode->message());
    }
}
