<?php

declare(strict_types=1);

namespace Posthorn\Receiver\Tests;

use PHPUnit\Framework\TestCase;
use Posthorn\Receiver\Receiver;

final class PropertiesTest extends TestCase
{
    private const PARTS = ['body', 'x-signature', 'webhook-id', 'webhook-timestamp', 'webhook-signature'];

    private int $cases;
    private int $seed;
    private Receiver $standard;
    private Receiver $x;

    protected function setUp(): void
    {
        // How many random cases a property is tried on; RECEIVER_CASES asks for more. By RECEIVER_SEED a failure is seen again.
        $this->cases = (int) (getenv('RECEIVER_CASES') ?: 2_000);
        $this->seed = (int) (getenv('RECEIVER_SEED') ?: random_int(1, 1_000_000_000));
        mt_srand($this->seed);
        $this->standard = Signing::receiver(limitBytes: 150);
        $this->x = Signing::receiver(limitBytes: 150, scheme: Receiver::X_SIGNATURE);
        self::assertGreaterThan(0, $this->cases);
    }

    private static function randomBytes(int $maxLength): string
    {
        $bytes = '';
        for ($left = mt_rand(0, $maxLength); $left > 0; $left--) {
            $bytes .= chr(mt_rand(0, 255));
        }
        return $bytes;
    }

    /** Leans towards what gets past the first checks. */
    private static function randomHeaders(): array
    {
        $likely = ['', ' ', (string) Signing::NOW, 'v1,', 'v1, v1,', '-1', "\xFF", str_repeat('é', 64), str_repeat('a', 64), [], [''], ['a', 'b'], null];
        $headers = [];
        foreach (array_slice(self::PARTS, 1) as $name) {
            $headers[$name] = mt_rand(0, 1) === 0 ? $likely[array_rand($likely)] : self::randomBytes(80);
        }
        return $headers;
    }

    /** The same bytes with one bit or one byte of them changed. */
    private static function changed(string $value): string
    {
        $at = mt_rand(0, strlen($value) - 1);
        $value[$at] = $value[$at] ^ chr(mt_rand(0, 1) === 0 ? 1 << mt_rand(0, 7) : mt_rand(1, 255));
        return $value;
    }

    public function testAnyBytesAndAnyHeadersAreRefusedWithoutACrash(): void
    {
        for ($case = 0; $case < $this->cases; $case++) {
            $body = mt_rand(0, 3) === 0 ? self::changed(Signing::BODY) : self::randomBytes(200);
            $headers = self::randomHeaders();
            foreach ([$this->standard, $this->x] as $receiver) {
                $code = Signing::codeOf(static fn () => $receiver->verify($body, $headers));
                if ($code === 'valid' || ($code === 'too_large') !== (strlen($body) > 150)) {
                    self::fail("case $case: $code, RECEIVER_SEED=$this->seed");
                }
            }
        }
        echo "\nproperties: $this->cases cases of any bytes and any headers\n";
    }

    private static function with(array $request, string $part, string $value): array
    {
        return $part === 'body' ? [$value, $request[1]] : [$request[0], [$part => $value] + $request[1]];
    }

    /** Either scheme notices a change of what it covers, and of nothing else. */
    private function mustRefuse(array $request, string $part): void
    {
        $valid = $this->validBy($request);
        if ($valid !== [$part === 'x-signature', $part !== 'x-signature' && $part !== 'body']) {
            self::fail("$part changed: " . json_encode($valid) . ", RECEIVER_SEED=$this->seed\n" . var_export($request, true));
        }
    }

    /** @return array{bool, bool} */
    private function validBy(array $request): array
    {
        return array_map(
            static fn (Receiver $receiver): bool => Signing::codeOf(static fn () => $receiver->verifySignature(...$request)) === 'valid',
            [$this->standard, $this->x],
        );
    }

    public function testEveryChangeOfABitOrAByteIsRefused(): void
    {
        for ($case = 0; $case < $this->cases; $case++) {
            $body = self::randomBytes(149) . chr(mt_rand(0, 255));
            $request = [$body, Signing::headers($body, 'evt_' . mt_rand(), Signing::NOW + mt_rand(-300, 300))];
            if ($this->validBy($request) !== [true, true]) {
                self::fail("case $case is refused before its change, RECEIVER_SEED=$this->seed");
            }
            $part = self::PARTS[array_rand(self::PARTS)];
            $this->mustRefuse(self::with($request, $part, self::changed($part === 'body' ? $body : $request[1][$part])), $part);
        }
        echo "\nproperties: $this->cases cases of a change\n";
    }

    public function testEverySingleByteOfOneRequestIsCovered(): void
    {
        $request = [Signing::BODY, Signing::headers(Signing::BODY)];
        $count = 0;
        foreach (self::PARTS as $part) {
            $original = $part === 'body' ? Signing::BODY : $request[1][$part];
            for ($at = 0; $at < strlen($original); $at++) {
                for ($by = 1; $by < 256; $by++) {
                    $value = $original;
                    $value[$at] = $value[$at] ^ chr($by);
                    $this->mustRefuse(self::with($request, $part, $value), $part);
                    $count++;
                }
            }
        }
        self::assertGreaterThan(60_000, $count);
        echo "\nproperties: all $count changes of one byte of a request\n";
    }
}
