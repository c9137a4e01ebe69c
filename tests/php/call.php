<?php

// Calls through the official SDK of PHP, alibabacloud/sdk, by its types: {endpoint, key, secret,
// token, action, params} comes as JSON on standard input, line by line; {reply} or {code, status}
// goes back, line by line. The first argument is the autoload.php of Composer.
require $argv[1];

use AlibabaCloud\Client\AlibabaCloud;
use AlibabaCloud\Client\Exception\ServerException;
use AlibabaCloud\Ess\V20140828\EssApiResolver;
use AlibabaCloud\Sts\V20150401\StsApiResolver;

function answerTo(array $ask): array
{
    $client = $ask['token'] === ''
        ? AlibabaCloud::accessKeyClient($ask['key'], $ask['secret'])
        : AlibabaCloud::stsClient($ask['key'], $ask['secret'], $ask['token']);
    $client->regionId('cn-hangzhou')->asDefaultClient();
    $service = $ask['action'] === 'AssumeRole' ? new StsApiResolver() : new EssApiResolver();
    $request = $service->{lcfirst($ask['action'])}();
    foreach ($ask['params'] as $name => $value) {
        $request->{"with$name"}($value);
    }
    try {
        return ['reply' => $request->scheme('http')->host($ask['endpoint'])->request()->toArray()];
    } catch (ServerException $error) {
        return ['code' => $error->getErrorCode(), 'status' => $error->getHttpStatus()];
    }
}

while (($line = fgets(STDIN)) !== false) {
    echo json_encode(answerTo(json_decode($line, true))), "\n";
}
