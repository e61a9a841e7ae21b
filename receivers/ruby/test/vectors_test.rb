# frozen_string_literal: true

require_relative 'signing'
require_relative 'vectors'

class VectorsTest < Minitest::Test
  include Signing

  VECTORS.each do |vector|
    { 'x-signature' => :x_signature, 'standard' => :standard }.each do |scheme, wanted|
      define_method "test_#{scheme}: #{vector[:name]}" do
        headers = vector[:headers]
        as_a_server_reads_them = headers.transform_values(&:b)
        [headers, as_a_server_reads_them].each do |given|
          outcome = code do
            receiver = Posthorn::Receiver.new(secrets: vector[:secrets], scheme: scheme, clock: -> { vector[:now] })
            receiver.verify_signature(vector[:body], given)
          end
          assert_equal vector[wanted], outcome.to_s
        end
      end
    end
  end

  Minitest.after_run { puts "vectors: #{VECTORS.size} cases, each with both schemes" }
end
