# frozen_string_literal: true

# A whole receiver on Sinatra: it verifies with the kit, knows events it has seen, answers at once and works afterwards.
require 'posthorn/receiver'
require 'sinatra/base'

class WebhookApp < Sinatra::Base
  RECEIVER = Posthorn::Receiver.new(
    secrets: [ENV.fetch('WEBHOOK_SECRET', nil), ENV.fetch('WEBHOOK_SECRET_NEXT', nil)],
    scheme: ENV.fetch('WEBHOOK_SCHEME', 'standard'),
    on_refused: ->(error) { warn "refused, #{error.code}: #{error.message}" }
  )
  SEEN = Posthorn::MemoryDedupe.new
  # What must survive a restart belongs in a table, not in a queue in memory.
  QUEUE = SizedQueue.new(1_000)
  Thread.new { loop { QUEUE.pop.then { |event| warn "#{event.type} #{event.id}" } } }

  post '/webhooks' do
    RECEIVER.handle(env) do |webhook|
      Posthorn.handle_once(SEEN, webhook.event.id) { QUEUE.push(webhook.event, true) }
      [200, { 'content-type' => 'text/plain' }, ['Valid signature']]
    rescue ThreadError # the queue is full: Posthorn sends the event again later
      [503, { 'content-type' => 'text/plain' }, ['Try again later']]
    end
  end
end
