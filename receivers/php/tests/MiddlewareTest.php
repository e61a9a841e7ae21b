<?php

declare(strict_types=1);

namespace Posthorn\Receiver\Tests;

use Nyholm\Psr7\Factory\Psr17Factory;
use Nyholm\Psr7\ServerRequest;
use Nyholm\Psr7\Stream;
use PHPUnit\Framework\TestCase;
use Posthorn\Receiver\Receiver;
use Posthorn\Receiver\WebhookError;
use Posthorn\Receiver\WebhookMiddleware;
use Psr\Http\Message\ResponseInterface;
use Psr\Http\Message\ServerRequestInterface;
use Psr\Http\Server\RequestHandlerInterface;

final class MiddlewareTest extends TestCase
{
    private static function request(mixed $body = Signing::BODY, ?array $headers = null): ServerRequest
    {
        return new ServerRequest('POST', '/webhooks', $headers ?? Signing::headers(Signing::BODY), $body);
    }

    /** Answers with what $handle returns; without one, no request may get there. */
    private static function process(ServerRequest $request, Receiver $receiver, ?callable $handle = null): ResponseInterface
    {
        $factory = new Psr17Factory();
        $handler = new class ($handle ?? static fn () => self::fail('reached the handler'), $factory) implements RequestHandlerInterface {
            public function __construct(private readonly mixed $handle, private readonly Psr17Factory $factory)
            {
            }

            public function handle(ServerRequestInterface $request): ResponseInterface
            {
                return $this->factory->createResponse()->withBody($this->factory->createStream(($this->handle)($request)));
            }
        };
        return (new WebhookMiddleware($receiver, $factory, $factory))->process($request, $handler);
    }

    public function testTheHandlerGetsTheEventAndTheRawBodyTwice(): void
    {
        $answer = self::process(self::request(), Signing::receiver(), static function (ServerRequestInterface $request): string {
            $webhook = WebhookMiddleware::webhook($request);
            return "{$webhook->event->type} $webhook->body {$request->getBody()}";
        });
        self::assertSame([200, 'shipment.created ' . Signing::BODY . ' ' . Signing::BODY], [$answer->getStatusCode(), (string) $answer->getBody()]);
    }

    public function testRefusalsNeverReachTheHandler(): void
    {
        $codes = [];
        $receiver = Signing::receiver(onRefused: static function (WebhookError $error) use (&$codes): void {
            $codes[] = $error->errorCode->value;
        });
        $requests = [
            self::request(headers: []), self::request(Signing::BODY . ' '), self::request(headers: Signing::headers(Signing::BODY, timestamp: Signing::NOW - 301)),
            self::request('{}', Signing::headers('{}')),
        ];
        foreach ($requests as $request) {
            $answer = self::process($request, $receiver);
            self::assertSame([403, 'Invalid signature'], [$answer->getStatusCode(), (string) $answer->getBody()]);
            self::assertSame('text/plain; charset=utf-8', $answer->getHeaderLine('Content-Type'));
        }
        self::assertSame(['missing_header', 'bad_signature', 'bad_timestamp', 'bad_body'], $codes);
    }

    public function testTheLimitIsExact(): void
    {
        $fits = str_pad(Signing::BODY, Receiver::LIMIT_BYTES);
        self::assertSame(200, self::process(self::request($fits, Signing::headers($fits)), Signing::receiver(), static fn () => 'ok')->getStatusCode());
        $answer = self::process(self::request("$fits ", Signing::headers("$fits ")), Signing::receiver());
        self::assertSame([413, 'Payload too large'], [$answer->getStatusCode(), (string) $answer->getBody()]);
    }

    /** Neither its length nor its beginning can be had of a pipe. */
    public function testAStreamThatCannotBeRewound(): void
    {
        $pipe = static fn (string $bytes): Stream => Stream::create(popen("(head -c $bytes /dev/zero | tr '\\0' x) 2> /dev/null", 'r'));
        self::assertSame(413, self::process(self::request($pipe('3000000')), Signing::receiver())->getStatusCode());
        $once = self::request(Stream::create(popen('printf %s ' . escapeshellarg(Signing::BODY), 'r')));
        self::assertSame(Signing::BODY, (string) self::process($once, Signing::receiver(), static fn ($request) => (string) $request->getBody())->getBody());
        $body = str_repeat('x', 100_000);
        self::assertSame('bad_body', Signing::codeOf(static fn () => self::process(self::request($pipe('100000'), Signing::headers($body)), Signing::receiver(
            onRefused: static fn (WebhookError $error) => throw $error,
        ))));
    }

    public function testABodyThatWasReadBefore(): void
    {
        $request = self::request();
        $request->getBody()->getContents();
        self::assertSame(200, self::process($request, Signing::receiver(), static fn () => 'ok')->getStatusCode());
        $message = '';
        $receiver = Signing::receiver(onRefused: static function (WebhookError $error) use (&$message): void {
            $message = $error->getMessage();
        });
        self::process(self::request('', ['Content-Length' => '129'] + Signing::headers(Signing::BODY)), $receiver);
        self::assertStringContainsString('of which 129 bytes are missing', $message);
        self::process(self::request(Signing::BODY, ['Content-Length' => '129'] + Signing::headers('another')), $receiver);
        self::assertStringContainsString('another secret', $message);
    }

    public function testWithoutTheMiddlewareThereIsNoWebhook(): void
    {
        $this->expectException(\LogicException::class);
        WebhookMiddleware::webhook(self::request());
    }

    public function testAnyBytesAndAnyHeadersAreRefused(): void
    {
        foreach (range(1, 500) as $_) {
            $headers = array_map(static fn (): string => preg_replace('/[^\x20-\x7e\x80-\xff]/', '.', random_bytes(random_int(1, 60))), Signing::headers(''));
            $answer = self::process(self::request(random_bytes(random_int(1, 200)), array_map('trim', $headers)), Signing::receiver());
            self::assertSame(403, $answer->getStatusCode());
        }
    }
}
