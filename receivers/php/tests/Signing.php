<?php

declare(strict_types=1);

namespace Posthorn\Receiver\Tests;

use Posthorn\Receiver\Receiver;
use Posthorn\Receiver\WebhookError;

/** What a test needs to send webhooks as Posthorn does, made here without the code under test. */
final class Signing
{
    public const SECRET = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
    public const NOW = 1_795_428_000;
    public const BODY = '{"id":"evt_1","type":"shipment.created","timestamp":"2026-11-23T10:00:00.000Z","environment":"sandbox","data":{"weight_kg":17.0}}';

    /** @return array<string, string> */
    public static function headers(string $body, string $id = 'evt_1', int|string $timestamp = self::NOW): array
    {
        $key = base64_decode(substr(self::SECRET, 6));
        return [
            'x-signature' => hash_hmac('sha256', $body, self::SECRET),
            'webhook-id' => $id,
            'webhook-timestamp' => (string) $timestamp,
            'webhook-signature' => 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true)),
        ];
    }

    /** A receiver with the test's secret and clock, unless the options say otherwise. */
    public static function receiver(mixed ...$options): Receiver
    {
        return new Receiver(...['secrets' => self::SECRET, 'clock' => static fn (): int => self::NOW, ...$options]);
    }

    /** The code of the WebhookError that this throws, or 'valid'. */
    public static function codeOf(callable $verify): string
    {
        try {
            $verify();
            return 'valid';
        } catch (WebhookError $error) {
            return $error->errorCode->value;
        }
    }
}
