<?php

declare(strict_types=1);

namespace Posthorn\Receiver\Tests;

use PHPUnit\Framework\TestCase;
use Posthorn\Receiver\ErrorCode;
use Posthorn\Receiver\Event;

/** The package as its users meet it, and what the README promises them. */
final class PackageTest extends TestCase
{
    private string $scratch;

    protected function setUp(): void
    {
        $this->scratch = sys_get_temp_dir() . '/posthorn-receiver-' . bin2hex(random_bytes(6));
        mkdir($this->scratch);
    }

    protected function tearDown(): void
    {
        self::command(['rm', '-rf', $this->scratch], '/');
    }

    /** @param list<string> $command */
    private static function command(array $command, string $folder): string
    {
        $env = ['PATH' => getenv('PATH'), 'HOME' => sys_get_temp_dir(), 'COMPOSER_ALLOW_SUPERUSER' => '1', 'COMPOSER_CACHE_DIR' => '/dev/null', 'COMPOSER_NO_INTERACTION' => '1'];
        $process = proc_open($command, [1 => ['pipe', 'w'], 2 => ['redirect', 1]], $pipes, $folder, $env);
        $output = (string) stream_get_contents($pipes[1]);
        self::assertSame(0, proc_close($process), implode(' ', $command) . "\n$output");
        return $output;
    }

    /** @return list<string> */
    private static function readmeBlocks(string $language): array
    {
        preg_match_all("/^```$language\n(.*?)^```$/ms", (string) file_get_contents(Server::FOLDER . '/README.md'), $matches);
        return $matches[1];
    }

    public function testComposerFindsNoFault(): void
    {
        // The version is there on purpose: nothing but it tells a path repository's.
        self::assertStringContainsString('is valid', self::command(['composer', 'validate', '--strict', '--no-check-version'], Server::FOLDER));
    }

    public function testComposerInstallsItFromItsArchive(): void
    {
        self::command(['composer', 'archive', '--format=tar', "--dir=$this->scratch", '--file=receiver'], Server::FOLDER);
        mkdir("$this->scratch/receiver");
        self::command(['tar', '-xf', "$this->scratch/receiver.tar", '-C', "$this->scratch/receiver"], '/');
        self::assertSame(
            ['LICENSE', 'README.md', 'autoload.php', 'composer.json', 'examples', 'plain', 'src'],
            array_values(array_diff(scandir("$this->scratch/receiver"), ['.', '..'])),
        );

        mkdir("$this->scratch/user");
        file_put_contents("$this->scratch/user/composer.json", json_encode([
            'repositories' => [['type' => 'path', 'url' => '../receiver', 'options' => ['symlink' => false]], ['packagist.org' => false]],
            'require' => ['posthorn/receiver' => '0.1.0'],
        ]));
        self::command(['composer', 'install', '--no-dev', '--classmap-authoritative'], "$this->scratch/user");
        $program = 'require "vendor/autoload.php"; $receiver = new Posthorn\Receiver\Receiver($argv[1], clock: fn () => (int) $argv[2]);'
            . 'echo $receiver->verify($argv[3], json_decode($argv[4], true))->id, function_exists("Posthorn\Receiver\handleOnce") ? " and all" : "";';
        $output = self::command(
            ['php', '-d', 'error_reporting=-1', '-d', 'display_errors=1', '-r', $program, '--', Signing::SECRET, (string) Signing::NOW, Signing::BODY, json_encode(Signing::headers(Signing::BODY))],
            "$this->scratch/user",
        );
        self::assertSame('evt_1 and all', $output);
    }

    public function testTheReadmesServer(): void
    {
        $script = "$this->scratch/webhooks.php";
        file_put_contents($script, str_replace("__DIR__ . '/vendor/autoload.php'", var_export(realpath(Server::FOLDER . '/autoload.php'), true), self::readmeBlocks('php')[0]));
        $server = Server::start($script, ['WEBHOOK_SECRET' => Signing::SECRET]);
        try {
            $good = Signing::headers(Signing::BODY, timestamp: time());
            self::assertSame([200, 'Valid signature'], $server->post(Signing::BODY, $good));
            self::assertSame([403, 'Invalid signature'], $server->post(str_replace('17.0', '17', Signing::BODY), $good));
        } finally {
            $server->stop();
        }
    }

    public function testTheReadmesDedupeOnADatabase(): void
    {
        $db = new \PDO('sqlite::memory:', options: [\PDO::ATTR_ERRMODE => \PDO::ERRMODE_EXCEPTION]);
        $db->exec(self::readmeBlocks('sql')[0]);
        $block = array_values(array_filter(self::readmeBlocks('php'), static fn (string $block): bool => str_contains($block, 'function handleEvent(')))[0];
        file_put_contents("$this->scratch/dedupe.php", $block);
        require "$this->scratch/dedupe.php";
        $event = Event::parse(Signing::BODY);
        $runs = 0;
        try {
            handleEvent($db, $event, static fn () => throw new \LengthException('undone'));
            self::fail('the exception did not go on');
        } catch (\LengthException) {
        }
        foreach (range(1, 3) as $_) {
            handleEvent($db, $event, static function () use (&$runs): void {
                $runs++;
            });
        }
        self::assertSame(1, $runs);
    }

    public function testAllOfTheReadmesProgramsParse(): void
    {
        $blocks = self::readmeBlocks('php');
        self::assertGreaterThanOrEqual(4, count($blocks));
        foreach ($blocks as $number => $block) {
            file_put_contents("$this->scratch/$number.php", $block);
            self::command(['php', '-l', "$this->scratch/$number.php"], '/');
        }
    }

    public function testTheReadmeExplainsEachCode(): void
    {
        foreach (ErrorCode::cases() as $code) {
            self::assertStringContainsString("\n| `$code->value` ", (string) file_get_contents(Server::FOLDER . '/README.md'));
        }
    }
}
