# frozen_string_literal: true

require_relative 'signing'

class ReceiverTest < Minitest::Test
  include Signing

  {
    'nothing' => nil, 'an unset variable' => '', 'no secrets' => [], 'two unset variables' => [nil, ''], 'a word in its place' => 'undefined',
    'eleven bytes' => 'eleven byte', 'the prefix alone' => 'whsec_', 'a short key' => 'whsec_AAAA', 'no text' => :symbol_of_12_bytes,
    'a damaged key' => SECRET.delete('='), 'a key with stray bits' => SECRET.sub('h8=', 'h9='), 'a key with a line break' => SECRET.sub('AwQ', "Aw\nQ"),
    'a damaged one beside a good one' => [SECRET, 'whsec_AAAA']
  }.each do |name, secrets|
    define_method "test_does_not_start_with_#{name}" do
      error = assert_raises(Posthorn::Error) { Posthorn::Receiver.new(secrets: secrets) }
      assert_equal :no_secret, error.code
      assert_match(/signing secret/, error.message)
      refute_match(/AAEC|AAAA|eleven/, error.message)
      assert_raises(Posthorn::Error) { Posthorn::Middleware.new(->(_env) {}, secrets: secrets) }
    end
  end

  def test_a_secret_must_be_given
    assert_raises(ArgumentError) { Posthorn::Receiver.new }
  end

  def test_empty_secrets_beside_a_good_one_are_skipped
    both = receiver(secrets: ['', SECRET, nil])
    assert_equal :valid, code { both.verify_signature(BODY, signed_headers(BODY)) }
    # They must not count as keys that anybody knows.
    forged = { 'x-signature' => OpenSSL::HMAC.hexdigest('SHA256', '', BODY) }
    assert_equal :bad_signature, code { receiver(secrets: ['', SECRET], scheme: 'x-signature').verify_signature(BODY, forged) }
  end

  def test_options_that_make_no_sense
    [{ scheme: 'X-Signature' }, { scheme: nil }, { limit_bytes: 0 }, { limit_bytes: 1.5 }, { tolerance_seconds: -1 }, { tolerance_seconds: '5' }].each do |options|
      assert_raises(ArgumentError, options) { receiver(**options) }
    end
  end

  # Each request here has every fault of the ones below it too, so that only the order decides.
  def test_the_first_check_that_fails_names_the_code
    small = receiver(limit_bytes: 150)
    body = 'no event'
    assert_equal :too_large, code { small.verify(' ' * 151, {}) }
    assert_equal :missing_header, code { small.verify(body, { 'webhook-id' => 'evt_1', 'webhook-timestamp' => '1' }) }
    assert_equal :bad_signature, code { small.verify(body, signed_headers('another body', timestamp: 1)) }
    assert_equal :bad_timestamp, code { small.verify(body, signed_headers(body, timestamp: 1)) }
    assert_equal :bad_body, code { small.verify(body, signed_headers(body)) }
  end

  def test_the_scheme_is_never_guessed
    assert_equal :missing_header, code { receiver.verify_signature(BODY, signed_headers(BODY).slice('x-signature')) }
    without = signed_headers(BODY).reject { |name, _| name == 'x-signature' }
    assert_equal :missing_header, code { receiver(scheme: 'x-signature').verify_signature(BODY, without) }
  end

  def test_timestamps
    { 0 => :valid, 300 => :valid, -300 => :valid, 301 => :bad_timestamp, -301 => :bad_timestamp, 10**20 => :bad_timestamp }.each do |offset, wanted|
      assert_equal wanted, (code { receiver.verify_signature(BODY, signed_headers(BODY, timestamp: NOW + offset)) }), offset
    end
    # Each of these is well signed, and a number to Integer() or to a regular expression with ^ and $.
    [" #{NOW}", "#{NOW}\n", "#{NOW}\nx", "1_795_428_000", "0x6b040ea0", "+#{NOW}", "#{NOW}.0", '１７９５４２８０００'].each do |odd|
      assert_equal :bad_timestamp, (code { receiver.verify_signature(BODY, signed_headers(BODY, timestamp: odd)) }), odd
    end
    assert_equal :bad_timestamp, code { receiver(tolerance_seconds: 10).verify_signature(BODY, signed_headers(BODY, timestamp: NOW - 11)) }
  end

  def test_header_names_in_any_case_and_headers_that_are_none
    assert_equal :valid, code { receiver.verify_signature(BODY, signed_headers(BODY).transform_keys(&:upcase)) }
    assert_equal :valid, code { receiver.verify_signature(BODY, signed_headers(BODY).transform_values { |value| [value] }) }
    [nil, {}, { nil => nil, 1 => 2, "\xFF" => 'x', 'webhook-id' => 5 }].each do |headers|
      assert_equal :missing_header, code { receiver.verify_signature(BODY, headers) }
    end
    twice = signed_headers(BODY).transform_values { |value| [value, value] }
    assert_equal :bad_signature, code { receiver(scheme: 'x-signature').verify_signature(BODY, twice) }
  end

  def test_white_space_of_another_kind_does_not_separate_signatures
    headers = signed_headers(BODY)
    two = ->(separator) { headers.merge('webhook-signature' => "v1,AAAA#{separator}#{headers['webhook-signature']}") }
    assert_equal :valid, code { receiver.verify_signature(BODY, two.call(' ')) }
    assert_equal :bad_signature, code { receiver.verify_signature(BODY, two.call("\t")) }
  end

  def test_a_signature_has_one_spelling
    { 'standard' => 'webhook-signature', 'x-signature' => 'x-signature' }.each do |scheme, name|
      good = signed_headers(BODY)[name]
      ["#{good}x", "#{good}=", "x#{good}", good[1..], good[..-2], good.upcase, "#{good},#{good}", "#{good}\0", "#{good}\n"].each do |other|
        headers = signed_headers(BODY).merge(name => other)
        assert_equal :bad_signature, (code { receiver(scheme: scheme).verify_signature(BODY, headers) }), other
      end
    end
  end

  def test_a_parsed_body_is_refused_with_a_word_about_it
    [{ 'id' => 'evt_1' }, nil, 5].each do |body|
      error = assert_raises(Posthorn::Error) { receiver.verify(body, signed_headers(BODY)) }
      assert_equal :bad_signature, error.code
      assert_match(/raw body/, error.message)
    end
  end

  def test_shows_the_secret_to_no_log
    shown = [receiver.inspect, receiver.to_s, "#{receiver}", Posthorn::Middleware.new(nil, secrets: SECRET).inspect].join
    refute_match(/AAEC|whsec_|\\x01\\x02|\\u0001/, shown)
  end
end
