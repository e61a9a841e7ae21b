# frozen_string_literal: true

require_relative 'signing'

class EventTest < Minitest::Test
  include Signing

  def verified(body)
    receiver.verify(body, signed_headers(body))
  end

  def test_the_event
    event = verified(BODY.sub('"data":', '"attempt":2,"data":').sub('17.0', '17.0,"legacy_id":12345678901234567890,"city":"Abẹ́òkúta","url":"a\/b"'))
    assert_equal ['evt_1', 'shipment.created', '2026-11-23T10:00:00.000Z', 'sandbox'], [event.id, event.type, event.timestamp, event.environment]
    data = { 'weight_kg' => 17.0, 'legacy_id' => 12_345_678_901_234_567_890, 'city' => 'Abẹ́òkúta', 'url' => 'a/b' }
    assert_equal data, event.data
    assert event.frozen?
  end

  def test_data_may_be_any_json
    ['null', '0', '""', '[]', '{"odd":"\ud800 \u0000"}', "#{'[' * 99}#{']' * 99}", "#{'[' * 500}#{']' * 500}", '1e400'].each do |data|
      assert_equal 'evt_1', verified(BODY.sub('{"weight_kg":17.0}') { data }).id, data
    end
    assert_nil verified(BODY.sub('{"weight_kg":17.0}', 'null')).data
  end

  def test_half_a_surrogate_pair
    {
      '\ud83d' => "\u{FFFD}", '\udE9A' => "\u{FFFD}", '\ud83d\ud83d\ude9a' => "\u{FFFD}\u{1F69A}", '\ud83d\ude9a' => "\u{1F69A}",
      '\\\\ud83d' => '\ud83d', 'a \ud83d b \u00e9' => "a \u{FFFD} b é"
    }.each do |written, read|
      assert_equal read, verified(BODY.sub('{"weight_kg":17.0}') { %("#{written}") }).data, written
    end
  end

  # A byte order mark is part of the bytes: it is verified with them, and whoever strips it before breaks the signature.
  def test_byte_order_mark
    marked = "\u{FEFF}#{BODY}"
    assert_equal 'evt_1', verified(marked).id
    assert_equal :bad_signature, code { receiver.verify(BODY, signed_headers(marked)) }
    assert_equal :bad_body, code { verified("\u{FEFF}#{marked}") }
  end

  {
    'nothing' => '', 'no JSON' => '{', 'two values' => BODY * 2, 'not UTF-8' => BODY.sub('17.0', '"é"').encode('ISO-8859-1').b,
    'nested past every stack' => '[' * 1_000_000, 'null' => 'null', 'a list' => '[]', 'a text' => '"evt_1"', 'NaN' => BODY.sub('17.0', 'NaN'),
    'no id' => BODY.sub('"id"', '"_"'), 'an id of another case' => BODY.sub('"id"', '"ID"'), 'an id that is a number' => BODY.sub('"evt_1"', '1'),
    'an id that is null' => BODY.sub('"evt_1"', 'null'), 'no type' => BODY.sub('"type"', '"_"'), 'no timestamp' => BODY.sub('"timestamp"', '"_"'),
    'no environment' => BODY.sub('"environment"', '"_"'), 'an unknown environment' => BODY.sub('sandbox', 'test'), 'no data' => BODY.sub('"data"', '"_"')
  }.each do |name, body|
    define_method("test_well_signed_but_#{name}") { assert_equal :bad_body, code { verified(body) } }
  end

  def test_builds_no_objects_of_the_senders_choice
    assert_equal({ 'json_class' => 'String' }, verified(BODY.sub('{"weight_kg":17.0}', '{"json_class":"String"}')).data)
  end
end
