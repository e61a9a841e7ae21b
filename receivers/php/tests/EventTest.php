<?php

declare(strict_types=1);

namespace Posthorn\Receiver\Tests;

use PHPUnit\Framework\TestCase;
use Posthorn\Receiver\Event;

final class EventTest extends TestCase
{
    private static function verified(string $body): Event
    {
        return Signing::receiver()->verify($body, Signing::headers($body));
    }

    private static function withData(string $data): string
    {
        return str_replace('{"weight_kg":17.0}', $data, Signing::BODY);
    }

    public function testTheEvent(): void
    {
        $body = str_replace('"data":', '"attempt":2,"data":', self::withData('{"weight_kg":17.0,"legacy_id":12345678901234567890,"city":"Abẹ́òkúta","url":"a\/b"}'));
        $event = self::verified($body);
        self::assertSame(['evt_1', 'shipment.created', '2026-11-23T10:00:00.000Z', 'sandbox'], [$event->id, $event->type, $event->timestamp, $event->environment]);
        self::assertSame(['weight_kg' => 17.0, 'legacy_id' => '12345678901234567890', 'city' => 'Abẹ́òkúta', 'url' => 'a/b'], $event->data);
    }

    /** Why the raw body counts: PHP writes what it has parsed in its own way. */
    public function testWhatPhpWritesAgainIsRefused(): void
    {
        foreach (['{"weight_kg":17.0}', '{"n":12345678901234567890}', '{"url":"a/b"}', '{"city":"é"}', '{"none":{}}'] as $data) {
            $body = self::withData($data);
            $again = json_encode(json_decode($body, true));
            self::assertNotSame($body, $again);
            self::assertSame('bad_signature', Signing::codeOf(static fn () => Signing::receiver()->verify($again, Signing::headers($body))), $data);
        }
    }

    public function testDataMayBeAnyJson(): void
    {
        foreach (['null', '0', '""', '[]', '{"":1}', '{"\u0000a":1}', '1e400', str_repeat('[', 500) . str_repeat(']', 500)] as $data) {
            self::assertSame('evt_1', self::verified(self::withData($data))->id, $data);
        }
        self::assertNull(self::verified(self::withData('null'))->data);
    }

    /** JSON that Posthorn takes and passes on, and that json_decode refuses by itself. */
    public function testHalfASurrogatePair(): void
    {
        self::assertNull(json_decode('"\ud800"'));
        $data = self::verified(self::withData('["\ud800", "\uDC00\u00e9", "\ud83d\ude9a", "\\\\ud800", "\ud83d\ud83d\ude9a", "\ud800x"]'))->data;
        self::assertSame(["\u{FFFD}", "\u{FFFD}é", '🚚', '\\ud800', "\u{FFFD}🚚", "\u{FFFD}x"], $data);
        self::assertSame(['x' => str_repeat("\u{FFFD}", 100_000)], self::verified(self::withData('{"x":"' . str_repeat('\ud800', 100_000) . '"}'))->data);
        self::assertSame('bad_body', Signing::codeOf(static fn () => self::verified(self::withData('["\ud800", \ud800]'))));
    }

    /** A byte order mark is part of the bytes: it is verified with them, and whoever strips it before breaks the signature. */
    public function testByteOrderMark(): void
    {
        $marked = "\u{FEFF}" . Signing::BODY;
        self::assertSame('evt_1', self::verified($marked)->id);
        self::assertSame('bad_signature', Signing::codeOf(static fn () => Signing::receiver()->verify(Signing::BODY, Signing::headers($marked))));
        self::assertSame('bad_body', Signing::codeOf(static fn () => self::verified("\u{FEFF}$marked")));
    }

    public function testWellSignedButNotAnEvent(): void
    {
        $change = static fn (string $from, string $to): string => str_replace($from, $to, Signing::BODY);
        $bodies = [
            'nothing' => '', 'no JSON' => '{', 'two values' => Signing::BODY . Signing::BODY, 'not UTF-8' => $change('17.0', "\"\xE9\""),
            'nested past every stack' => str_repeat('[', 1_000_000), 'null' => 'null', 'a list' => '[]', 'a text' => '"evt_1"', 'NaN' => $change('17.0', 'NaN'),
            'no id' => $change('"id"', '"_"'), 'an id of another case' => $change('"id"', '"ID"'), 'an id that is a number' => $change('"evt_1"', '1'),
            'an id that is null' => $change('"evt_1"', 'null'), 'no type' => $change('"type"', '"_"'), 'no timestamp' => $change('"timestamp"', '"_"'),
            'no environment' => $change('"environment"', '"_"'), 'an unknown environment' => $change('sandbox', 'test'), 'no data' => $change('"data"', '"_"'),
        ];
        foreach ($bodies as $name => $body) {
            self::assertSame('bad_body', Signing::codeOf(static fn () => self::verified($body)), $name);
        }
    }
}
