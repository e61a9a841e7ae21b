<?php

declare(strict_types=1);

namespace Posthorn\Receiver\Tests;

/** A receiver on PHP's own web server, spoken to over a real socket. */
final class Server
{
    public const FOLDER = __DIR__ . '/..';

    /** @param resource $process */
    private function __construct(private readonly mixed $process, private readonly int $port)
    {
    }

    /** @param array<string, string> $env */
    public static function start(string $script, array $env): self
    {
        [$process, $output] = self::run($script, $env, ['file', '/dev/null', 'w']);
        $line = (string) fgets($output);
        if (preg_match('~^listening on http://127\.0\.0\.1:(\d+)$~', trim($line), $match) !== 1) {
            proc_close($process);
            throw new \RuntimeException("$script did not start: '$line'");
        }
        return new self($process, (int) $match[1]);
    }

    /**
     * What a script says that is expected not to start: up to its end, or to the line that says that it did start.
     *
     * @param array<string, string> $env
     * @return array{string, bool} the output, and whether it started
     */
    public static function refused(string $script, array $env): array
    {
        [$process, $output] = self::run($script, $env, ['redirect', 1]);
        $text = '';
        $started = false;
        while (($line = fgets($output)) !== false) {
            $text .= $line;
            if (str_starts_with($line, 'listening')) {
                $started = true;
                proc_terminate($process);
            }
        }
        return [$text, proc_close($process) === 0 || $started];
    }

    /** @return array{resource, resource} */
    private static function run(string $script, array $env, array $stderr): array
    {
        $process = proc_open(['./serve', $script], [1 => ['pipe', 'w'], 2 => $stderr], $pipes, self::FOLDER, ['PORT' => '0', 'PATH' => getenv('PATH')] + $env);
        return [$process, $pipes[1]];
    }

    /**
     * Writes the request as bytes, since no client sends just any headers, and reads the answer to its end.
     *
     * @param array<string, string> $headers
     * @return array{int, string} status and text
     */
    public function post(string $body, array $headers, string $contentType = 'application/json'): array
    {
        $socket = stream_socket_client("tcp://127.0.0.1:$this->port");
        $lines = array_map(static fn (string $name, string $value): string => "$name: $value\r\n", array_keys($headers), $headers);
        fwrite($socket, "POST /webhooks HTTP/1.0\r\nContent-Type: $contentType\r\nContent-Length: " . strlen($body) . "\r\n" . implode('', $lines) . "\r\n$body");
        $answer = (string) stream_get_contents($socket);
        fclose($socket);
        return [(int) substr($answer, strlen('HTTP/1.0 '), 3), explode("\r\n\r\n", $answer, 2)[1] ?? ''];
    }

    public function stop(): void
    {
        proc_terminate($this->process);
        proc_close($this->process);
    }
}
