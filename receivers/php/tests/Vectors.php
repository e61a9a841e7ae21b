<?php

declare(strict_types=1);

namespace Posthorn\Receiver\Tests;

/** The cases that all kits share, read when the tests run: one that is added there is tried here. */
final class Vectors
{
    /** @return list<array{name: string, body: string, headers: array<string, string>, now: int, secrets: list<string>, x_signature: string, standard: string}> */
    public static function all(): array
    {
        $cases = json_decode((string) file_get_contents(__DIR__ . '/../../vectors/signatures.json'), true, 512, JSON_THROW_ON_ERROR)['cases'];
        if (count($cases) < 43) {
            throw new \LengthException('The file holds ' . count($cases) . ' cases, fewer than it once did.');
        }
        return array_map(static fn (array $case): array => [
            'name' => $case['name'],
            'body' => (string) base64_decode($case['body_base64'], true),
            'headers' => $case['headers'],
            'now' => $case['now'],
            'secrets' => $case['secrets'] ?? [$case['secret']],
            'x_signature' => $case['x_signature'],
            'standard' => $case['standard'],
        ], $cases);
    }
}
