<?php

declare(strict_types=1);

require __DIR__ . '/../autoload.php';
require __DIR__ . '/../examples/psr15-interfaces.php';
require 'Nyholm/Psr7/autoload.php';

// The tests' own classes, by the same rule as in composer.json.
spl_autoload_register(static function (string $class): void {
    $prefix = 'Posthorn\\Receiver\\Tests\\';
    $file = __DIR__ . '/' . substr($class, strlen($prefix)) . '.php';
    if (str_starts_with($class, $prefix) && is_file($file)) {
        require $file;
    }
});
