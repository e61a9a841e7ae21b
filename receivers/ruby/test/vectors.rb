# frozen_string_literal: true

require 'json'

# The cases that all kits share, read when the tests run: one that is added there is tried here.
VECTORS = JSON.parse(File.read(File.expand_path('../../vectors/signatures.json', __dir__))).fetch('cases').map do |vector|
  {
    name: vector.fetch('name'), body: vector.fetch('body_base64').unpack1('m0'), headers: vector.fetch('headers'), now: vector.fetch('now'),
    secrets: vector.fetch('secrets') { [vector.fetch('secret')] }, x_signature: vector.fetch('x_signature'), standard: vector.fetch('standard')
  }
end.freeze
raise "the file holds #{VECTORS.size} cases, fewer than it once did" if VECTORS.size < 43
