<?php

/** A receiver on PSR-15, with Nyholm's PSR-7 as Debian packages it, and the little that a framework would do: ../serve examples/psr15.php */

declare(strict_types=1);

use Nyholm\Psr7\Factory\Psr17Factory;
use Nyholm\Psr7\ServerRequest;
use Posthorn\Receiver\Receiver;
use Posthorn\Receiver\WebhookError;
use Posthorn\Receiver\WebhookMiddleware;
use Psr\Http\Message\ResponseInterface;
use Psr\Http\Message\ServerRequestInterface;
use Psr\Http\Server\RequestHandlerInterface;

require __DIR__ . '/../autoload.php';
require __DIR__ . '/psr15-interfaces.php';
require 'Nyholm/Psr7/autoload.php';

$factory = new Psr17Factory();
$handler = new class ($factory) implements RequestHandlerInterface {
    public function __construct(private readonly Psr17Factory $factory)
    {
    }

    public function handle(ServerRequestInterface $request): ResponseInterface
    {
        $event = WebhookMiddleware::webhook($request)->event;
        error_log("$event->type $event->id");
        return $this->factory->createResponse()->withHeader('Content-Type', 'text/plain')->withBody($this->factory->createStream('Valid signature'));
    }
};
$receiver = new Receiver(
    [getenv('WEBHOOK_SECRET'), getenv('WEBHOOK_SECRET_NEXT')],
    scheme: getenv('WEBHOOK_SCHEME') ?: Receiver::STANDARD,
    onRefused: fn (WebhookError $error) => error_log("refused, {$error->errorCode->value}: {$error->getMessage()}"),
);
try {
    $request = new ServerRequest($_SERVER['REQUEST_METHOD'], $_SERVER['REQUEST_URI'], getallheaders(), fopen('php://input', 'r'));
} catch (InvalidArgumentException) {
    // PSR-7 has no room for headers with control characters, which PHP lets through.
    http_response_code(400);
    exit;
}
$response = (new WebhookMiddleware($receiver, $factory, $factory))->process($request, $handler);

http_response_code($response->getStatusCode());
foreach ($response->getHeaders() as $name => $values) {
    header("$name: " . implode(', ', $values));
}
echo $response->getBody();
