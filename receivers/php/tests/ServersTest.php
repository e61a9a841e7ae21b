<?php

declare(strict_types=1);

namespace Posthorn\Receiver\Tests;

use PHPUnit\Framework\TestCase;

/** Every server of servers.json, and what only a server shows of PHP. */
final class ServersTest extends TestCase
{
    private const ACCEPTED = [200, 'Valid signature'];
    private const REFUSED = [403, 'Invalid signature'];

    /** @var list<Server> */
    private array $running = [];
    private string $script = '';

    private function start(string $script, string ...$env): Server
    {
        return $this->running[] = Server::start($script, $env);
    }

    protected function tearDown(): void
    {
        foreach ($this->running as $server) {
            $server->stop();
        }
        if ($this->script !== '') {
            unlink($this->script);
        }
    }

    /** @return array<string, string> its name => its script */
    private static function servers(): array
    {
        $servers = json_decode((string) file_get_contents(Server::FOLDER . '/servers.json'), true, 512, JSON_THROW_ON_ERROR);
        return array_combine(array_column($servers, 'name'), array_map(static fn (array $server): string => $server['command'][1], $servers));
    }

    public function testEachVerifies(): void
    {
        $good = Signing::headers(Signing::BODY, timestamp: time());
        $other = 'whsec_' . base64_encode(str_repeat('x', 32));
        foreach (self::servers() as $name => $script) {
            $server = $this->start($script, WEBHOOK_SECRET: Signing::SECRET);
            self::assertSame(self::ACCEPTED, $server->post(Signing::BODY, $good), $name);
            self::assertSame(self::ACCEPTED, $server->post(Signing::BODY, $good), $name);
            self::assertSame(self::ACCEPTED, $server->post(Signing::BODY, $good, 'application/x-www-form-urlencoded'), $name);
            self::assertSame(self::REFUSED, $server->post(str_replace('17.0', '17', Signing::BODY), $good), $name);
            self::assertSame(self::REFUSED, $server->post(Signing::BODY, []), $name);
            self::assertSame([413, 'Payload too large'], $server->post(str_repeat('x', 1_048_577), $good), $name);
            self::assertSame(self::REFUSED, $this->start($script, WEBHOOK_SECRET: $other)->post(Signing::BODY, $good), $name);
            if (!str_contains($name, 'plain')) {
                $both = $this->start($script, WEBHOOK_SECRET: $other, WEBHOOK_SECRET_NEXT: Signing::SECRET, WEBHOOK_SCHEME: 'x-signature');
                self::assertSame(self::ACCEPTED, $both->post(Signing::BODY, ['x-signature' => $good['x-signature']]), $name);
                self::assertSame(self::REFUSED, $both->post(Signing::BODY, array_slice($good, 1)), $name);
            }
        }
    }

    /** PHP with display_errors answers 200 to an error that nobody catches: then it must be a 500 too. */
    public function testNoneStartsWithoutASecret(): void
    {
        foreach (self::servers() as $name => $script) {
            foreach ([[], ['WEBHOOK_SECRET' => ''], ['WEBHOOK_SECRET' => 'undefined'], ['WEBHOOK_SECRET' => '', 'PHP_FLAGS' => '-d display_errors=1']] as $env) {
                [$output, $started] = Server::refused($script, $env);
                self::assertFalse($started, $name);
                self::assertMatchesRegularExpression('/WEBHOOK_SECRET is not set|signing secret/', $output, $name);
            }
        }
    }

    public function testVectorsWithoutTheKit(): void
    {
        $vectors = Vectors::all();
        $servers = [];
        foreach ($vectors as $vector) {
            if ($vector['x_signature'] === 'no_secret') {
                self::assertFalse(Server::refused('plain/webhooks.php', ['WEBHOOK_SECRET' => $vector['secrets'][0]])[1], $vector['name']);
                continue;
            }
            // It knows one secret at a time, so during a rotation whichever it has been given must do.
            $answers = [];
            foreach ($vector['secrets'] as $secret) {
                $servers[$secret] ??= $this->start('plain/webhooks.php', WEBHOOK_SECRET: $secret);
                $answers[] = $servers[$secret]->post($vector['body'], $vector['headers']);
            }
            $wanted = $vector['x_signature'] === 'valid' ? self::ACCEPTED : self::REFUSED;
            self::assertContains($wanted, $answers, $vector['name']);
            self::assertTrue($wanted === self::ACCEPTED || !in_array(self::ACCEPTED, $answers, true), $vector['name']);
        }
        echo "\nvectors: " . count($vectors) . " cases with X-Signature, without the kit\n";
    }

    public function testWithoutTheKitAnyChangeIsRefusedAndNothingCrashes(): void
    {
        $server = $this->start('plain/webhooks.php', WEBHOOK_SECRET: Signing::SECRET, PHP_FLAGS: '-d display_errors=1');
        $signature = Signing::headers(Signing::BODY)['x-signature'];
        self::assertSame(self::ACCEPTED, $server->post(Signing::BODY, ['x-signature' => $signature]));
        foreach (range(0, strlen(Signing::BODY) - 1) as $at) {
            $body = Signing::BODY;
            $body[$at] = $body[$at] ^ chr(1 << random_int(0, 7));
            self::assertSame(self::REFUSED, $server->post($body, ['x-signature' => $signature]), "byte $at");
        }
        foreach (range(0, 63) as $at) {
            $changed = $signature;
            $changed[$at] = $changed[$at] ^ chr(1 << random_int(0, 4));
            self::assertSame(self::REFUSED, $server->post(Signing::BODY, ['x-signature' => $changed]), "digit $at");
        }
        foreach (range(1, 200) as $_) {
            $header = (string) preg_replace('/[\x00-\x1f\x7f]/', '.', random_bytes(random_int(1, 100)));
            self::assertSame(self::REFUSED, $server->post(random_bytes(random_int(1, 200)), ['x-signature' => $header]));
        }
    }

    public function testTheVersionWithoutTheKitIsShort(): void
    {
        $lines = file(Server::FOLDER . '/plain/webhooks.php', FILE_IGNORE_NEW_LINES);
        self::assertLessThanOrEqual(20, count(array_filter($lines, static fn (string $line): bool => preg_match('~^\s*(//|$)~', $line) !== 1)));
    }

    /** PHP reads a form with files itself, and leaves nothing for php://input, unless it is told not to. */
    public function testMultipart(): void
    {
        $good = Signing::headers(Signing::BODY, timestamp: time());
        foreach (self::servers() as $name => $script) {
            $server = $this->start($script, WEBHOOK_SECRET: Signing::SECRET);
            self::assertSame(self::REFUSED, $server->post(Signing::BODY, $good, 'multipart/form-data; boundary=x'), $name);
            $told = $this->start($script, WEBHOOK_SECRET: Signing::SECRET, PHP_FLAGS: '-d enable_post_data_reading=0');
            self::assertSame(self::ACCEPTED, $told->post(Signing::BODY, $good, 'multipart/form-data; boundary=x'), $name);
        }
    }

    private function scriptWith(string $handler, string $before = ''): string
    {
        $this->script = (string) tempnam(sys_get_temp_dir(), 'receiver');
        file_put_contents($this->script, $before . '<?php require ' . var_export(realpath(Server::FOLDER . '/autoload.php'), true)
            . "; (new Posthorn\\Receiver\\Receiver(getenv('WEBHOOK_SECRET')))->handle($handler);");
        return $this->script;
    }

    /** Else the sender would take a webhook as accepted that nobody has worked on. */
    public function testAnExceptionOfTheHandlerIsA500EvenIfItIsDisplayed(): void
    {
        $script = $this->scriptWith("fn () => throw new RuntimeException('the database is down')");
        foreach (['0', '1'] as $displayed) {
            $server = $this->start($script, WEBHOOK_SECRET: Signing::SECRET, PHP_FLAGS: "-d display_errors=$displayed");
            self::assertSame(500, $server->post(Signing::BODY, Signing::headers(Signing::BODY, timestamp: time()))[0]);
        }
    }

    /** A byte order mark before <?php is output, and with it goes out a 200 that no refusal can take back. */
    public function testDoesNotHandleWhatHasBeenAnswered(): void
    {
        $script = $this->scriptWith("function () { echo 'handled'; }", "\u{FEFF}");
        $server = $this->start($script, WEBHOOK_SECRET: Signing::SECRET, PHP_FLAGS: '-d output_buffering=0 -d display_errors=1');
        $text = $server->post(Signing::BODY, Signing::headers(Signing::BODY, timestamp: time()))[1];
        self::assertStringContainsString('output began in', $text);
        self::assertStringNotContainsString('handled', $text);
    }
}
