# frozen_string_literal: true

require_relative 'lib/posthorn/receiver/version'

Gem::Specification.new do |spec|
  spec.name = 'posthorn-receiver'
  spec.version = Posthorn::VERSION
  spec.summary = 'Verify Posthorn webhooks in Rack, Sinatra and Rails: X-Signature and Standard Webhooks, without dependencies'
  spec.authors = ['The Posthorn authors']
  spec.license = 'Apache-2.0'
  spec.homepage = 'https://github.com/posthorn/posthorn'
  spec.required_ruby_version = '>= 3.0'
  spec.metadata = { 'rubygems_mfa_required' => 'true' }
  # By name and not by asking git: an unpacked archive has none.
  spec.files = Dir.chdir(__dir__) { Dir['lib/**/*.rb', 'sig/*.rbs', 'README.md', 'LICENSE'] }
end
