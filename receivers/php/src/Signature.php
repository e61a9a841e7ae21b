<?php

declare(strict_types=1);

namespace Posthorn\Receiver;

/**
 * Checking the two signatures. hash_equals compares in constant time, takes any bytes, and says false to texts of unequal length.
 *
 * @internal
 */
final class Signature
{
    /**
     * @param array<string|list<string>> $headers
     * @param non-empty-list<SigningKeys> $keys
     * @throws WebhookError unless X-Signature fits the body
     */
    public static function checkX(string $body, array $headers, array $keys): void
    {
        $given = self::header($headers, 'x-signature');
        if ($given === '') {
            throw new WebhookError(ErrorCode::MissingHeader);
        }
        foreach ($keys as $key) {
            if (hash_equals(hash_hmac('sha256', $body, $key->x), $given)) {
                return;
            }
        }
        throw new WebhookError(ErrorCode::BadSignature);
    }

    /**
     * @param array<string|list<string>> $headers
     * @param non-empty-list<SigningKeys> $keys
     * @throws WebhookError unless webhook-signature fits the body, the event's id and the time of the attempt, and that is near enough to now
     */
    public static function checkStandard(string $body, array $headers, array $keys, int $now, int $toleranceSeconds): void
    {
        $id = self::header($headers, 'webhook-id');
        $timestamp = self::header($headers, 'webhook-timestamp');
        $signatures = self::header($headers, 'webhook-signature');
        if ($id === '' || $timestamp === '' || $signatures === '') {
            throw new WebhookError(ErrorCode::MissingHeader);
        }
        if (!self::signed("$id.$timestamp.$body", explode(' ', $signatures), $keys)) {
            throw new WebhookError(ErrorCode::BadSignature);
        }
        // Digits only: is_numeric takes ' 17', '1e9' and '17.5', and $ in a pattern a line's end. As a float, since casting to int cuts what does not fit.
        if (preg_match('/\A[0-9]+\z/', $timestamp) !== 1 || abs($now - (float) $timestamp) > $toleranceSeconds) {
            throw new WebhookError(ErrorCode::BadTimestamp);
        }
    }

    /**
     * Whether one of the given signatures fits one of the secrets. As text, not decoded: each signature has one spelling.
     *
     * @param list<string> $given
     * @param non-empty-list<SigningKeys> $keys
     */
    private static function signed(string $content, array $given, array $keys): bool
    {
        foreach ($keys as $key) {
            $expected = 'v1,' . base64_encode(hash_hmac('sha256', $content, $key->standard, true));
            foreach ($given as $signature) {
                if (hash_equals($expected, $signature)) {
                    return true;
                }
            }
        }
        return false;
    }

    /**
     * A header's value, or '' if it is missing. A repeated one reads as HTTP joins it: with a comma, which no signature, id or timestamp has.
     *
     * @param array<mixed> $headers
     */
    private static function header(array $headers, string $name): string
    {
        foreach ($headers as $spelling => $value) {
            if (strcasecmp((string) $spelling, $name) === 0) {
                return implode(', ', array_filter((array) $value, is_string(...)));
            }
        }
        return '';
    }
}
