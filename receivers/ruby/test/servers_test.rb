# frozen_string_literal: true

require_relative 'server'
require_relative 'signing'
require 'json'

# Every server of servers.json: the frameworks with the kit, and the version without.
class ServersTest < Minitest::Test
  include Signing

  OTHER = "whsec_#{['x' * 32].pack('m0')}"
  SERVERS = JSON.parse(File.read("#{Server::FOLDER}/servers.json")).to_h { |server| [server['name'], server['command']] }

  SERVERS.each do |name, command|
    define_method("test_#{name} verifies") do
      good = signed_headers(BODY, timestamp: Time.now.to_i)
      Server.run(command, 'WEBHOOK_SECRET' => SECRET) do |server|
        2.times { assert_equal [200, 'Valid signature'], server.post(BODY, good) }
        assert_equal [200, 'Valid signature'], server.post(BODY, good, content_type: 'application/x-www-form-urlencoded')
        assert_equal [403, 'Invalid signature'], server.post(BODY.sub('17.0', '17'), good)
        assert_equal [403, 'Invalid signature'], server.post(BODY, {})
        assert_equal [413, 'Payload too large'], server.post('x' * 1_048_577, good)
      end
      Server.run(command, 'WEBHOOK_SECRET' => OTHER) { |server| assert_equal [403, 'Invalid signature'], server.post(BODY, good) }
    end

    define_method("test_#{name} refuses to start without a secret") do
      [nil, '', 'undefined'].each do |secret|
        output, started = Server.refused(command, 'WEBHOOK_SECRET' => secret)
        refute started
        assert_match(/WEBHOOK_SECRET|signing secret/, output)
        refute_match(/listening/, output)
      end
    end
  end

  SERVERS.reject { |name, _| name.include?('plain') }.each do |name, command|
    define_method("test_#{name} takes either secret, by the scheme it is told") do
      good = signed_headers(BODY, timestamp: Time.now.to_i)
      Server.run(command, 'WEBHOOK_SECRET' => OTHER, 'WEBHOOK_SECRET_NEXT' => SECRET, 'WEBHOOK_SCHEME' => 'x-signature') do |server|
        assert_equal 200, server.post(BODY, good.slice('x-signature')).first
        assert_equal 403, server.post(BODY, good.except('x-signature')).first
      end
    end
  end
end
