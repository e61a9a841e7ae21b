<?php

declare(strict_types=1);

namespace Posthorn\Receiver;

/** The body of a webhook. Dedupe on the id: an event may arrive more than once. */
final class Event
{
    /**
     * @param string $timestamp when the event was published, RFC 3339 in UTC with milliseconds
     * @param 'production'|'sandbox' $environment
     * @param mixed $data as json_decode reads it into arrays: an integer beyond PHP's becomes a string, so that it keeps its digits; an empty object is an
     *     empty array. Parse the raw body yourself where that matters.
     */
    private function __construct(
        public readonly string $id,
        public readonly string $type,
        public readonly string $timestamp,
        public readonly string $environment,
        public readonly mixed $data,
    ) {
    }

    /** The event of a verified body, or null if it is not one. Fields that a later version may add are ignored. */
    public static function parse(string $body): ?self
    {
        // Posthorn sends no byte order mark; but a body is good or bad by its signature, and the kits of all languages skip one.
        $fields = self::decode(str_starts_with($body, "\u{FEFF}") ? substr($body, 3) : $body);
        if (!is_array($fields) || !array_key_exists('data', $fields)) {
            return null;
        }
        $texts = array_map(static fn (string $name): mixed => $fields[$name] ?? null, ['id', 'type', 'timestamp', 'environment']);
        if (array_filter($texts, is_string(...)) !== $texts || !in_array($texts[3], ['production', 'sandbox'], true)) {
            return null;
        }
        return new self($texts[0], $texts[1], $texts[2], $texts[3], $fields['data']);
    }

    private static function decode(string $text): mixed
    {
        $value = json_decode($text, true, 512, JSON_BIGINT_AS_STRING);
        if (json_last_error() !== JSON_ERROR_UTF16) {
            return $value;
        }
        // Half a surrogate pair, escaped, is JSON, and Posthorn passes it on as it was published; PHP refuses it. Whole pairs and other
        // escapes (\\ before a u, say) are skipped over.
        $pair = '\\\\u[dD][89abAB][0-9a-fA-F]{2}\\\\u[dD][c-fC-F][0-9a-fA-F]{2}';
        $mended = preg_replace("/(?:$pair|\\\\[^u])(*SKIP)(*FAIL)|\\\\u[dD][89a-fA-F][0-9a-fA-F]{2}/", '\\\\ufffd', $text);
        return $mended === null ? null : json_decode($mended, true, 512, JSON_BIGINT_AS_STRING);
    }
}
