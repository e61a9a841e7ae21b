<?php

declare(strict_types=1);

namespace Posthorn\Receiver\Tests;

use PHPUnit\Framework\TestCase;
use Posthorn\Receiver\MemoryDedupe;

use function Posthorn\Receiver\handleOnce;

final class DedupeTest extends TestCase
{
    private float $now = 1_000.0;
    private MemoryDedupe $dedupe;

    protected function setUp(): void
    {
        $this->dedupe = new MemoryDedupe(3, fn (): float => $this->now);
    }

    public function testAnIdIsNewOnceWithinItsTime(): void
    {
        self::assertSame([false, true, false], [$this->dedupe->seen('a', 60), $this->dedupe->seen('a', 60), $this->dedupe->seen('b', 60)]);
        $this->now += 59.9;
        self::assertTrue($this->dedupe->seen('a', 60));
        $this->now += 0.1;
        self::assertFalse($this->dedupe->seen('a', 60), 'It was remembered too long, or longer for being asked.');
        $this->dedupe->forget('a');
        $this->dedupe->forget('never there');
        self::assertFalse($this->dedupe->seen('a', 60));
        self::assertFalse((new MemoryDedupe())->seen('a', 60));
    }

    public function testAnIdThatIsNewAgainIsNotTheOldest(): void
    {
        $this->dedupe->seen('a', 10);
        $this->dedupe->seen('b', 60);
        $this->now += 10;
        foreach (['a', '17', 'd'] as $id) {
            $this->dedupe->seen($id, 60);
        }
        self::assertSame([true, true, false], [$this->dedupe->seen('a', 60), $this->dedupe->seen('17', 60), $this->dedupe->seen('b', 60)]);
    }

    public function testIsBounded(): void
    {
        foreach (range(0, 9) as $id) {
            $this->dedupe->seen((string) $id, 60);
        }
        self::assertSame([3, true, false], [$this->dedupe->size(), $this->dedupe->seen('7', 60), $this->dedupe->seen('6', 60)]);
        $this->now += 60;
        $this->dedupe->seen('next', 60);
        self::assertSame(1, $this->dedupe->size());
        $this->expectException(\InvalidArgumentException::class);
        new MemoryDedupe(0);
    }

    public function testHandleOnce(): void
    {
        $runs = 0;
        try {
            handleOnce($this->dedupe, 'a', static fn () => throw new \RuntimeException('the database is down'));
            self::fail('the exception did not go on');
        } catch (\RuntimeException) {
        }
        $work = static function () use (&$runs): void {
            $runs++;
        };
        self::assertSame([true, false, 1], [handleOnce($this->dedupe, 'a', $work), handleOnce($this->dedupe, 'a', $work), $runs]);
    }
}
