# frozen_string_literal: true

require_relative 'signing'

class PropertiesTest < Minitest::Test
  include Signing

  # How many random cases a property is tried on; RECEIVER_CASES asks for more.
  CASES = Integer(ENV.fetch('RECEIVER_CASES', '2000'))
  # By RECEIVER_SEED a failure is seen again.
  SEED = Integer(ENV.fetch('RECEIVER_SEED') { Random.new_seed % 1_000_000_000 })
  PARTS = [:body, 'x-signature', 'webhook-id', 'webhook-timestamp', 'webhook-signature'].freeze
  LIKELY = ['', ' ', NOW.to_s, 'v1,', 'v1, v1,', '-1', "\xFF", "\u00e9" * 64, 'a' * 64, nil, [], [nil], %w[a b]].freeze

  def setup
    @random = Random.new(SEED)
    @standard = receiver(limit_bytes: 150)
    @x = receiver(limit_bytes: 150, scheme: 'x-signature')
  end

  # Bytes of no encoding, or of one that they need not fit.
  def random_text(max_bytes)
    @random.bytes(@random.rand(max_bytes + 1)).force_encoding([Encoding::BINARY, Encoding::UTF_8, Encoding::UTF_16LE, Encoding::Shift_JIS].sample(random: @random))
  end

  # Leans towards what gets past the first checks.
  def random_headers
    PARTS.drop(1).to_h { |name| [name, @random.rand(2).zero? ? LIKELY.sample(random: @random) : random_text(80)] }
  end

  # The same bytes with one bit or one byte of them changed.
  def changed(value)
    value = value.b
    by = @random.rand(2).zero? ? 1 << @random.rand(8) : @random.rand(1..255)
    at = @random.rand(value.bytesize)
    value.setbyte(at, value.getbyte(at) ^ by)
    value
  end

  def test_any_bytes_and_any_headers_are_refused_without_a_crash
    CASES.times do |i|
      body = @random.rand(4).zero? ? changed(BODY) : random_text(200)
      headers = random_headers
      [@standard, @x].each do |one|
        refute_equal :valid, (code { one.verify(body, headers) }), "case #{i}, RECEIVER_SEED=#{SEED}"
        status, = one.handle(rack_env(body, headers.reject { |_, value| value.is_a?(Array) })) { flunk "case #{i}, RECEIVER_SEED=#{SEED}" }
        assert_equal body.bytesize > 150 ? 413 : 403, status
      end
    end
    puts "properties: #{CASES} cases of any bytes and any headers"
  end

  def with(request, part, value)
    part == :body ? [value, request.last] : [request.first, request.last.merge(part => value)]
  end

  # Either scheme notices a change of what it covers, and of nothing else.
  def must_refuse(request, part)
    outcomes = [code { @standard.verify_signature(*request) } == :valid, code { @x.verify_signature(*request) } == :valid]
    return if outcomes == [part == 'x-signature', part != 'x-signature' && part != :body]

    flunk "#{part} changed: standard and X-Signature are valid: #{outcomes}\n#{request}, RECEIVER_SEED=#{SEED}"
  end

  def test_every_change_of_a_bit_or_a_byte_is_refused
    CASES.times do
      body = @random.bytes(@random.rand(1..150))
      request = [body, signed_headers(body, id: "evt_#{@random.rand(10**9)}", timestamp: NOW + @random.rand(-300..300))]
      assert_equal %i[valid valid], [@standard, @x].map { |one| code { one.verify_signature(*request) } }
      part = PARTS.sample(random: @random)
      must_refuse(with(request, part, changed(part == :body ? body : request.last[part])), part)
    end
    assert_operator CASES, :>, 0
    puts "properties: #{CASES} cases of a change"
  end

  def test_every_single_byte_of_one_request_is_covered
    request = [BODY, signed_headers(BODY)]
    count = 0
    PARTS.each do |part|
      original = (part == :body ? BODY : request.last[part]).b
      original.bytesize.times do |at|
        (1..255).each do |by|
          value = original.dup
          value.setbyte(at, value.getbyte(at) ^ by)
          must_refuse(with(request, part, value), part)
          count += 1
        end
      end
    end
    assert_operator count, :>, 60_000
    puts "properties: all #{count} changes of one byte of a request"
  end
end
