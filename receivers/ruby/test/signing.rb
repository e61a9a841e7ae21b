# frozen_string_literal: true

$LOAD_PATH.unshift File.expand_path('../lib', __dir__)
require 'minitest/autorun'
require 'openssl'
require 'posthorn/receiver'

# What a test needs to send webhooks as Posthorn does, made here without the code under test.
module Signing
  SECRET = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='
  KEY = (0..31).to_a.pack('C*')
  NOW = 1_795_428_000
  BODY = '{"id":"evt_1","type":"shipment.created","timestamp":"2026-11-23T10:00:00.000Z","environment":"sandbox","data":{"weight_kg":17.0}}'

  def signed_headers(body, id: 'evt_1', timestamp: NOW)
    signature = OpenSSL::HMAC.digest('SHA256', KEY, "#{id}.#{timestamp}.".b + body.b)
    {
      'x-signature' => OpenSSL::HMAC.hexdigest('SHA256', SECRET, body),
      'webhook-id' => id,
      'webhook-timestamp' => timestamp.to_s,
      'webhook-signature' => "v1,#{[signature].pack('m0')}"
    }
  end

  # A receiver with the test's secret and clock, unless the options say otherwise.
  def receiver(**options)
    Posthorn::Receiver.new(secrets: SECRET, clock: -> { NOW }, **options)
  end

  # The code of the Error that the block raises, or :valid.
  def code
    yield
    :valid
  rescue Posthorn::Error => e
    e.code
  end

  # A Rack env as a server makes it.
  def rack_env(body, headers, input: StringIO.new(body.b))
    env = { 'REQUEST_METHOD' => 'POST', 'PATH_INFO' => '/webhooks', 'CONTENT_TYPE' => 'application/json',
            'CONTENT_LENGTH' => body.bytesize.to_s, 'rack.input' => input }
    headers.each { |name, value| env["HTTP_#{name.upcase.tr('-', '_')}"] = value }
    env
  end
end
