<?php

declare(strict_types=1);

namespace Posthorn\Receiver\Tests;

use PHPUnit\Framework\TestCase;
use Posthorn\Receiver\Receiver;

final class VectorsTest extends TestCase
{
    public function testAll(): void
    {
        $vectors = Vectors::all();
        foreach ($vectors as $vector) {
            foreach ([Receiver::X_SIGNATURE => 'x_signature', Receiver::STANDARD => 'standard'] as $scheme => $wanted) {
                $outcome = Signing::codeOf(static function () use ($vector, $scheme): void {
                    $receiver = new Receiver($vector['secrets'], $scheme, clock: static fn (): int => $vector['now']);
                    $receiver->verifySignature($vector['body'], $vector['headers']);
                });
                self::assertSame($vector[$wanted], $outcome, "$scheme: {$vector['name']}");
            }
        }
        echo "\nvectors: " . count($vectors) . " cases, each with both schemes\n";
    }
}
