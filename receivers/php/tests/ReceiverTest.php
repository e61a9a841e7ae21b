<?php

declare(strict_types=1);

namespace Posthorn\Receiver\Tests;

use PHPUnit\Framework\TestCase;
use Posthorn\Receiver\ErrorCode;
use Posthorn\Receiver\Receiver;
use Posthorn\Receiver\WebhookError;

final class ReceiverTest extends TestCase
{
    private static function code(string $body, array $headers, mixed ...$options): string
    {
        return Signing::codeOf(static fn () => Signing::receiver(...$options)->verify($body, $headers));
    }

    public function testDoesNotStartWithoutASecret(): void
    {
        $secrets = [
            'nothing' => null, 'an unset variable' => false, 'an empty one' => '', 'no secrets' => [], 'two unset variables' => [false, ''],
            'a word in its place' => 'undefined', 'eleven bytes' => 'eleven byte', 'the prefix alone' => 'whsec_', 'a short key' => 'whsec_AAAA',
            'no text' => [123_456_789_012], 'padding left out' => rtrim(Signing::SECRET, '='), 'stray bits' => str_replace('h8=', 'h9=', Signing::SECRET),
            'a line break' => str_replace('AwQ', "Aw\nQ", Signing::SECRET), 'a damaged one beside a good one' => [Signing::SECRET, 'whsec_AAAA'],
        ];
        foreach ($secrets as $name => $unusable) {
            try {
                new Receiver($unusable);
                self::fail("$name: it started");
            } catch (WebhookError $error) {
                self::assertSame(ErrorCode::NoSecret, $error->errorCode, $name);
                self::assertMatchesRegularExpression('/signing secret/', $error->getMessage());
                self::assertDoesNotMatchRegularExpression('/AAEC|AAAA|eleven/', (string) $error, $name);
            }
        }
    }

    public function testEmptySecretsBesideAGoodOneAreSkipped(): void
    {
        self::assertSame('valid', self::code(Signing::BODY, Signing::headers(Signing::BODY), secrets: ['', Signing::SECRET, false]));
        // They must not count as keys that anybody knows.
        $forged = ['x-signature' => hash_hmac('sha256', Signing::BODY, '')];
        self::assertSame('bad_signature', self::code(Signing::BODY, $forged, secrets: ['', Signing::SECRET], scheme: Receiver::X_SIGNATURE));
    }

    public function testOptionsThatMakeNoSense(): void
    {
        foreach ([['scheme' => 'X-Signature'], ['scheme' => ''], ['limitBytes' => 0], ['toleranceSeconds' => -1]] as $options) {
            try {
                Signing::receiver(...$options);
                self::fail('It started with ' . json_encode($options));
            } catch (\InvalidArgumentException $error) {
                self::assertStringContainsString('scheme is', $error->getMessage());
            }
        }
    }

    /** Each request here has every fault of the ones below it too, so that only the order decides. */
    public function testTheFirstCheckThatFailsNamesTheCode(): void
    {
        $body = 'no event';
        self::assertSame('too_large', self::code(str_repeat(' ', 151), [], limitBytes: 150));
        self::assertSame('missing_header', self::code($body, ['webhook-id' => 'evt_1', 'webhook-timestamp' => '1']));
        self::assertSame('bad_signature', self::code($body, Signing::headers('another body', timestamp: 1)));
        self::assertSame('bad_timestamp', self::code($body, Signing::headers($body, timestamp: 1)));
        self::assertSame('bad_body', self::code($body, Signing::headers($body)));
    }

    public function testTheSchemeIsNeverGuessed(): void
    {
        $headers = Signing::headers(Signing::BODY);
        self::assertSame('missing_header', self::code(Signing::BODY, ['x-signature' => $headers['x-signature']]));
        unset($headers['x-signature']);
        self::assertSame('missing_header', self::code(Signing::BODY, $headers, scheme: Receiver::X_SIGNATURE));
    }

    public function testTimestamps(): void
    {
        $outcome = static fn (int|string $timestamp, mixed ...$options): string => self::code(Signing::BODY, Signing::headers(Signing::BODY, timestamp: $timestamp), ...$options);
        foreach ([0, 300, -300] as $offset) {
            self::assertSame('valid', $outcome(Signing::NOW + $offset));
        }
        // Each of the last ones is well signed, and a number to is_numeric, to a cast, or to a pattern with ^ and $.
        $now = Signing::NOW;
        $odd = [$now + 301, $now - 301, PHP_INT_MAX, '99999999999999999999', " $now", "$now\n", "+$now", "$now.0", '1.795428e9', '0x6b040ea0', '１７９５４２８０００'];
        foreach ($odd as $timestamp) {
            self::assertSame('bad_timestamp', $outcome($timestamp), (string) $timestamp);
        }
        self::assertSame('bad_timestamp', $outcome($now - 11, toleranceSeconds: 10));
    }

    public function testHeaders(): void
    {
        $headers = Signing::headers(Signing::BODY);
        self::assertSame('valid', self::code(Signing::BODY, array_change_key_case($headers, CASE_UPPER)));
        self::assertSame('valid', self::code(Signing::BODY, array_map(static fn (string $value): array => [$value], $headers)));
        self::assertSame('missing_header', self::code(Signing::BODY, [5 => 'x', '' => [], 'webhook-id' => [null, []], 'webhook-signature' => 5]));
        $twice = array_map(static fn (string $value): array => [$value, $value], $headers);
        self::assertSame('bad_signature', self::code(Signing::BODY, $twice, scheme: Receiver::X_SIGNATURE));
        self::assertSame('valid', self::code(Signing::BODY, ['webhook-signature' => "v1,AAAA {$headers['webhook-signature']}"] + $headers));
        self::assertSame('bad_signature', self::code(Signing::BODY, ['webhook-signature' => "v1,AAAA\t{$headers['webhook-signature']}"] + $headers));
    }

    public function testASignatureHasOneSpelling(): void
    {
        $headers = Signing::headers(Signing::BODY);
        foreach ([Receiver::STANDARD => 'webhook-signature', Receiver::X_SIGNATURE => 'x-signature'] as $scheme => $name) {
            $good = $headers[$name];
            foreach (["{$good}x", "$good=", "x$good", substr($good, 0, -1), substr($good, 1), strtoupper($good), "$good,$good", "$good\0"] as $other) {
                self::assertSame('bad_signature', self::code(Signing::BODY, [$name => $other] + $headers, scheme: $scheme), $other);
            }
        }
    }

    public function testShowsTheSecretInNoTrace(): void
    {
        $before = ini_set('zend.exception_ignore_args', '0');
        try {
            new Receiver(['whsec_DAMAGED', 'whsec_DAMAGED']);
            self::fail('it started');
        } catch (WebhookError $error) {
            // The frame of this test holds what PHPUnit gave it: only those of the kit count, and what they called.
            $frames = array_slice($error->getTrace(), 0, 1 + array_search('__construct', array_column($error->getTrace(), 'function'), true));
            self::assertGreaterThan(1, count($frames));
            if (PHP_VERSION_ID >= 80200) {
                self::assertStringNotContainsString('DAMAGED', print_r($frames, true));
            }
        } finally {
            ini_set('zend.exception_ignore_args', (string) $before);
        }
    }

    public function testShowsTheSecretToNoLog(): void
    {
        ob_start();
        var_dump(Signing::receiver());
        print_r(Signing::receiver());
        echo json_encode(Signing::receiver());
        self::assertDoesNotMatchRegularExpression('/AAEC|\x01\x02/', (string) ob_get_clean());
    }
}
