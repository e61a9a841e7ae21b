<?php

declare(strict_types=1);

namespace Posthorn\Receiver;

/** Verifies requests by options that were checked once, when it is made. */
final class Receiver
{
    /** webhook-signature of Standard Webhooks: it covers the body, the event's id and the time of the attempt. */
    public const STANDARD = 'standard';
    /** X-Signature. It covers the body and nothing else, so an old request passes as long as its secret does. */
    public const X_SIGNATURE = 'x-signature';

    /** 1 MiB, four times the largest event that Posthorn takes. */
    public const LIMIT_BYTES = 1_048_576;
    /** As in the Standard Webhooks libraries. */
    public const TOLERANCE_SECONDS = 300;

    /** @var non-empty-list<SigningKeys> */
    private readonly array $keys;

    /**
     * @param string|null|false|list<string|null|false> $secrets one secret or, during a rotation, several: a signature by any of them is good. Unset ones
     *     (null, '', and the false of getenv) beside a good one are skipped
     * @param string $scheme which signature counts: STANDARD or X_SIGNATURE. It is never guessed from the headers: whoever replays an old request could
     *     leave those of the stronger one out
     * @param int $limitBytes the largest body that is taken
     * @param int $toleranceSeconds how far webhook-timestamp may be from now, either way
     * @param null|\Closure(): int $clock Unix time in seconds, for tests
     * @param null|\Closure(WebhookError): void $onRefused hears why handle() or the middleware refused a request, for your log: the answer itself does
     *     not say
     * @throws WebhookError (NoSecret) if no secret is set, or one that cannot sign
     * @throws \InvalidArgumentException on other options that cannot work
     */
    public function __construct(
        #[\SensitiveParameter] string|array|null|false $secrets,
        private readonly string $scheme = self::STANDARD,
        public readonly int $limitBytes = self::LIMIT_BYTES,
        private readonly int $toleranceSeconds = self::TOLERANCE_SECONDS,
        private readonly ?\Closure $clock = null,
        private readonly ?\Closure $onRefused = null,
    ) {
        try {
            $this->keys = SigningKeys::toStartWith($secrets);
            if (!in_array($scheme, [self::STANDARD, self::X_SIGNATURE], true) || $limitBytes < 1 || $toleranceSeconds < 0) {
                throw new \InvalidArgumentException("scheme is 'standard' or 'x-signature', limitBytes 1 or more, toleranceSeconds 0 or more.");
            }
        } catch (WebhookError|\InvalidArgumentException $error) {
            CurrentRequest::fail();
            throw $error;
        }
    }

    /**
     * Verifies a request and returns its event.
     *
     * @param string $body the bytes as they came in, before any parsing
     * @param array<string|list<string>> $headers with names in any case
     * @throws WebhookError and nothing else, whatever the request holds. The first check that fails names its code, in this order: TooLarge,
     *     MissingHeader, BadSignature, BadTimestamp, BadBody
     */
    public function verify(string $body, array $headers): Event
    {
        $this->verifySignature($body, $headers);
        return Event::parse($body) ?? throw new WebhookError(ErrorCode::BadBody);
    }

    /**
     * Does all of verify() except for parsing the event: for a body that something else signed with the same scheme.
     *
     * @param array<string|list<string>> $headers
     * @throws WebhookError
     */
    public function verifySignature(string $body, array $headers): void
    {
        if (strlen($body) > $this->limitBytes) {
            throw new WebhookError(ErrorCode::TooLarge);
        }
        if ($this->scheme === self::X_SIGNATURE) {
            Signature::checkX($body, $headers, $this->keys);
        } else {
            Signature::checkStandard($body, $headers, $this->keys, $this->clock === null ? time() : ($this->clock)(), $this->toleranceSeconds);
        }
    }

    /**
     * Verifies the request that PHP is answering.
     *
     * @throws WebhookError as verify() does
     */
    public function receive(): Webhook
    {
        $body = CurrentRequest::body($this->limitBytes);
        try {
            return new Webhook($this->verify($body, CurrentRequest::headers()), $body);
        } catch (WebhookError $error) {
            throw CurrentRequest::explain($error, $body, CurrentRequest::length());
        }
    }

    /**
     * Verifies the request that PHP is answering. A good one goes to the handler, which answers it: with a 2xx within 30 seconds. Any other is answered
     * here, with 403 `Invalid signature` or 413. If the handler throws, the answer is a 500, and the exception goes on.
     *
     * @param callable(Webhook): void $handler
     * @throws \LogicException if output went out before, and with it a status that says accepted: a byte order mark before `<?php` is enough
     */
    public function handle(callable $handler): void
    {
        if (headers_sent($file, $line)) {
            throw new \LogicException("The answer's status cannot be set any more: output began in $file, line $line.");
        }
        try {
            $webhook = $this->receive();
        } catch (WebhookError $error) {
            [$status, $text] = $this->refusal($error);
            http_response_code($status);
            header('Content-Type: text/plain; charset=utf-8');
            echo $text;
            return;
        }
        try {
            $handler($webhook);
        } catch (\Throwable $error) {
            CurrentRequest::fail();
            throw $error;
        }
    }

    /**
     * What a refused request is answered: its status and text, which tell a stranger nothing about why. onRefused is told.
     *
     * @return array{int, string}
     * @internal
     */
    public function refusal(WebhookError $error): array
    {
        if ($this->onRefused !== null) {
            ($this->onRefused)($error);
        }
        return $error->errorCode === ErrorCode::TooLarge ? [413, 'Payload too large'] : [403, 'Invalid signature'];
    }
}
