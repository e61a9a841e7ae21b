<?php

/** Loads the classes of this package where Composer does not. */

declare(strict_types=1);

spl_autoload_register(static function (string $class): void {
    $prefix = 'Posthorn\\Receiver\\';
    $file = __DIR__ . '/src/' . substr($class, strlen($prefix)) . '.php';
    if (str_starts_with($class, $prefix) && is_file($file)) {
        require $file;
    }
});
require_once __DIR__ . '/src/handleOnce.php';
