<?php

declare(strict_types=1);

namespace Posthorn\Receiver;

use Psr\Http\Message\ResponseFactoryInterface;
use Psr\Http\Message\ResponseInterface;
use Psr\Http\Message\ServerRequestInterface;
use Psr\Http\Message\StreamFactoryInterface;
use Psr\Http\Message\StreamInterface;
use Psr\Http\Server\MiddlewareInterface;
use Psr\Http\Server\RequestHandlerInterface;

/**
 * PSR-15 middleware: what comes after it sees verified webhooks only. Put it before a route that is for webhooks and nothing else. A request that is
 * refused is answered with 403 `Invalid signature`, or 413.
 */
final class WebhookMiddleware implements MiddlewareInterface
{
    public function __construct(
        private readonly Receiver $receiver,
        private readonly ResponseFactoryInterface $responses,
        private readonly StreamFactoryInterface $streams,
    ) {
    }

    /**
     * The webhook of a request that the middleware let through.
     *
     * @throws \LogicException if there is none before the handler: better than to go on with what nobody verified
     */
    public static function webhook(ServerRequestInterface $request): Webhook
    {
        $webhook = $request->getAttribute(Webhook::class);
        return $webhook instanceof Webhook ? $webhook
            : throw new \LogicException('No webhook was verified for this request: is WebhookMiddleware before this handler?');
    }

    public function process(ServerRequestInterface $request, RequestHandlerInterface $handler): ResponseInterface
    {
        try {
            $webhook = $this->receive($request);
        } catch (WebhookError $error) {
            [$status, $text] = $this->receiver->refusal($error);
            return $this->responses->createResponse($status)
                ->withHeader('Content-Type', 'text/plain; charset=utf-8')
                ->withBody($this->streams->createStream($text));
        }
        // Whatever was read of the body, the handler can read it once more.
        return $handler->handle($request->withAttribute(Webhook::class, $webhook)->withBody($this->streams->createStream($webhook->body)));
    }

    /** @throws WebhookError */
    private function receive(ServerRequestInterface $request): Webhook
    {
        // One byte more than the limit shows that the body is too large, which is for verify() to say.
        $body = self::readUpTo($this->receiver->limitBytes + 1, $request->getBody());
        try {
            return new Webhook($this->receiver->verify($body, $request->getHeaders()), $body);
        } catch (WebhookError $error) {
            throw CurrentRequest::explain($error, $body, (int) $request->getHeaderLine('Content-Length'));
        }
    }

    /** From the beginning, if something read it before, to the end, or so many bytes: a stream may give less than it was asked for. */
    private static function readUpTo(int $bytes, StreamInterface $stream): string
    {
        if ($stream->isSeekable()) {
            $stream->rewind();
        }
        $body = '';
        while (strlen($body) < $bytes && !$stream->eof() && ($piece = $stream->read($bytes - strlen($body))) !== '') {
            $body .= $piece;
        }
        return $body;
    }
}
