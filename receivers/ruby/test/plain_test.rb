# frozen_string_literal: true

require_relative 'server'
require_relative 'signing'
require_relative 'vectors'

# The version without the kit, as a process of its own, over a real socket.
class PlainTest < Minitest::Test
  include Signing

  COMMAND = ['ruby', 'examples/serve.rb', 'plain/webhooks.rb'].freeze

  def test_vectors
    without, with = VECTORS.partition { |vector| vector[:x_signature] == 'no_secret' }
    without.each { |vector| refuses_to_start(vector[:secrets].first) }
    # It knows one secret at a time, so during a rotation whichever it has been given must do.
    answers = Hash.new { |hash, name| hash[name] = [] }
    with.flat_map { |vector| vector[:secrets] }.uniq.each do |secret|
      Server.run(COMMAND, 'WEBHOOK_SECRET' => secret) do |server|
        with.select { |vector| vector[:secrets].include?(secret) }.each { |vector| answers[vector[:name]] << server.post(vector[:body], vector[:headers]) }
      end
    end
    with.each do |vector|
      given = answers[vector[:name]]
      assert_equal vector[:x_signature] == 'valid', given.include?([200, 'Valid signature']), vector[:name]
      assert_empty given - [[200, 'Valid signature'], [403, 'Invalid signature']], vector[:name]
    end
    puts "vectors: #{VECTORS.size} cases with X-Signature, without the kit"
  end

  def refuses_to_start(secret)
    output, started = Server.refused(COMMAND, 'WEBHOOK_SECRET' => secret)
    refute started
    assert_match(/WEBHOOK_SECRET is not set/, output)
    refute_match(/listening/, output)
  end

  def test_any_change_is_refused_and_nothing_crashes
    random = Random.new(1)
    good = signed_headers(BODY).slice('x-signature')
    Server.run(COMMAND, 'WEBHOOK_SECRET' => SECRET) do |server|
      assert_equal [200, 'Valid signature'], server.post(BODY, good)
      [*0...BODY.bytesize, *-64..-1].each do |at|
        body, signature = BODY.b, good['x-signature'].b
        at.negative? ? signature.setbyte(at, signature.getbyte(at) ^ (1 << random.rand(5))) : body.setbyte(at, body.getbyte(at) ^ (1 << random.rand(8)))
        assert_equal 403, server.post(body, { 'x-signature' => signature }).first, at
      end
      300.times do
        signature = random.bytes(random.rand(100)).tr("\r\n\0", '...')
        assert_includes [400, 403], server.post(random.bytes(random.rand(200)), { 'x-signature' => signature }).first
      end
    end
  end

  # It is worth having while it is short.
  def test_is_short
    lines = File.readlines("#{Server::FOLDER}/plain/webhooks.rb", chomp: true).reject { |line| line.strip.empty? || line.strip.start_with?('#') }
    assert_operator lines.size, :<=, 20
  end
end
