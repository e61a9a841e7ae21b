<?php

/** A receiver in plain PHP: ../serve examples/kit.php */

declare(strict_types=1);

use Posthorn\Receiver\Receiver;
use Posthorn\Receiver\Webhook;
use Posthorn\Receiver\WebhookError;

require __DIR__ . '/../autoload.php';

$receiver = new Receiver(
    [getenv('WEBHOOK_SECRET'), getenv('WEBHOOK_SECRET_NEXT')],
    scheme: getenv('WEBHOOK_SCHEME') ?: Receiver::STANDARD,
    onRefused: fn (WebhookError $error) => error_log("refused, {$error->errorCode->value}: {$error->getMessage()}"),
);
$receiver->handle(function (Webhook $webhook): void {
    error_log("{$webhook->event->type} {$webhook->event->id}"); // put it into a queue or a table, work on it later
    header('Content-Type: text/plain; charset=utf-8');
    echo 'Valid signature';
});
