# frozen_string_literal: true

require_relative 'signing'
require 'rack'
require 'rack/lint'
require 'rack/mock'
require 'tempfile'

class RackTest < Minitest::Test
  include Signing

  # Rack::Lint on both sides holds the middleware to the Rack specification of whichever version is installed.
  def app(**options, &inner)
    inner ||= ->(env) { [200, { 'content-type' => 'text/plain' }, [Posthorn::Middleware.webhook(env).event.id]] }
    guarded = Posthorn::Middleware.new(Rack::Lint.new(inner), secrets: SECRET, clock: -> { NOW }, **options)
    Rack::MockRequest.new(Rack::Lint.new(guarded))
  end

  def post(app, body = BODY, headers = signed_headers(body), **env)
    fields = headers.to_h { |name, value| ["HTTP_#{name.upcase.tr('-', '_')}", value] }
    app.post('/webhooks', fields.merge(input: body, 'CONTENT_TYPE' => 'application/json', **env))
  end

  def test_the_app_gets_the_event_and_the_raw_body_twice
    answer = post(app do |env|
      webhook = Posthorn::Middleware.webhook(env)
      assert webhook.frozen? && webhook.body.encoding == Encoding::BINARY
      [200, { 'content-type' => 'text/plain' }, [webhook.event.type, ' ', webhook.body, ' ', env['rack.input'].read]]
    end)
    assert_equal [200, "shipment.created #{BODY} #{BODY}"], [answer.status, answer.body]
  end

  def test_refusals_never_reach_the_app
    codes = []
    guarded = app(on_refused: ->(error) { codes << error.code }) { flunk 'reached the app' }
    answers = [post(guarded, BODY, {}), post(guarded, "#{BODY} ", signed_headers(BODY)), post(guarded, BODY, signed_headers(BODY, timestamp: NOW - 301)), post(guarded, '{}')]
    assert_equal %i[missing_header bad_signature bad_timestamp bad_body], codes
    answers.each do |answer|
      assert_equal [403, 'Invalid signature', 'text/plain; charset=utf-8'], [answer.status, answer.body, answer.headers['content-type']]
    end
  end

  def test_the_limit_is_exact
    fits = BODY.sub('17.0') { "\"#{'x' * (Posthorn::Receiver::LIMIT_BYTES - BODY.bytesize + 2)}\"" }
    assert_equal Posthorn::Receiver::LIMIT_BYTES, fits.bytesize
    assert_equal 200, post(app, fits).status
    answer = post(app, "#{fits} ")
    assert_equal [413, 'Payload too large'], [answer.status, answer.body]
  end

  # A chunked body does not say its length: it is counted while it is read, and not read to its end.
  def test_the_limit_holds_without_a_content_length
    input = StringIO.new('x' * 1_000_000)
    env = rack_env('', signed_headers(BODY), input: input).except('CONTENT_LENGTH')
    assert_equal 413, receiver(limit_bytes: 10).handle(env) { flunk }.first
    assert_equal 11, input.pos
  end

  def test_what_announces_too_much_is_not_read_at_all
    env = rack_env('', {}, input: nil).merge('CONTENT_LENGTH' => '1048577')
    assert_equal 413, receiver.handle(env) { flunk }.first
  end

  # Rack 2: whatever read the body before left an input that can be rewound.
  def test_an_input_that_was_read_is_rewound
    Tempfile.create do |file|
      file.write(BODY)
      [file, StringIO.new(BODY.b)].each do |input|
        input.read
        assert_equal 'evt_1', receiver.receive(rack_env(BODY, signed_headers(BODY), input: input)).event.id
      end
    end
  end

  # Rack 3: an input need not be one that can be rewound; a pipe is such a one. Whoever comes after us can read it again.
  def test_an_input_that_cannot_be_rewound
    reader, writer = IO.pipe
    writer.write(BODY)
    writer.close
    env = rack_env(BODY, signed_headers(BODY), input: reader)
    assert_equal BODY, receiver.receive(env).body
    assert_equal BODY, env['rack.input'].read
    env['rack.input'].rewind
    assert_equal BODY, env['rack.input'].read
  end

  # Only what Rack 3 asks of an input, and in pieces smaller than was asked for.
  class Trickle
    def initialize(body)
      @rest = body.b
    end

    def read(length)
      @rest.empty? ? nil : @rest.slice!(0, [length, 7].min)
    end
  end

  def test_an_input_that_can_only_be_read
    assert_equal BODY, receiver.receive(rack_env(BODY, signed_headers(BODY), input: Trickle.new(BODY))).body
  end

  def test_a_body_that_was_read_before_and_cannot_be_rewound_is_named
    input = Trickle.new(BODY)
    nil while input.read(100)
    error = assert_raises(Posthorn::Error) { receiver.receive(rack_env(BODY, signed_headers(BODY), input: input)) }
    assert_equal :bad_signature, error.code
    assert_match(/something has read #{BODY.bytesize} bytes already.*Rack 3/, error.message)
  end

  # Rack 3.1 may leave the input out.
  def test_no_input
    env = rack_env('', signed_headers(''), input: nil)
    assert_equal :bad_body, code { receiver.receive(env) }
  end

  # What an application has in front: it reads a form's body to look for _method.
  def test_after_method_override
    form = 'x=1&data=%7B%22id%22'
    stack = Rack::MethodOverride.new(lambda do |env|
      receiver(on_refused: ->(error) { @code = error.code }).handle(env) { flunk }
    end)
    env = rack_env(form, signed_headers(form)).merge('CONTENT_TYPE' => 'application/x-www-form-urlencoded', 'rack.errors' => StringIO.new, 'QUERY_STRING' => '')
    assert_equal 403, stack.call(env).first
    # The whole form was verified, in Rack 3 too (Puma's inputs can be rewound): it is only no event.
    assert_equal :bad_body, @code
  end

  def test_without_the_middleware_there_is_no_webhook
    error = assert_raises(KeyError) { Posthorn::Middleware.webhook({}) }
    assert_match(/No webhook was verified/, error.message)
  end

  def test_an_error_of_the_app_is_the_apps
    assert_raises(Posthorn::Error) { receiver.handle(rack_env(BODY, signed_headers(BODY))) { raise Posthorn::Error, :bad_body } }
  end
end
