# frozen_string_literal: true

# Serves the app of a file on Puma, and says where: PORT=4000 WEBHOOK_SECRET=… ruby examples/serve.rb examples/sinatra.rb
# The file defines WebhookApp, or, without the kit, Webhooks.
$LOAD_PATH.unshift File.expand_path('../lib', __dir__)
require 'puma'
require 'puma/server'

require File.expand_path(ARGV.fetch(0))

$stdout.sync = true
host = ENV.fetch('HOST', '127.0.0.1')
server = Puma::Server.new(defined?(WebhookApp) ? WebhookApp : Webhooks)
server.add_tcp_listener(host, Integer(ENV.fetch('PORT', '4000')))
thread = server.run
puts "listening on http://#{host}:#{server.connected_ports.first}"
# Not server.stop: it waits for connections that are kept alive.
trap('TERM') { exit!(0) }
thread.join
