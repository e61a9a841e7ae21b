# frozen_string_literal: true

require_relative 'signing'

class DedupeTest < Minitest::Test
  def setup
    @now = 1_000
    @dedupe = Posthorn::MemoryDedupe.new(max_ids: 3, clock: -> { @now })
  end

  def test_an_id_is_new_once_within_its_time
    assert_equal [false, true, false], [@dedupe.seen?('a', 60), @dedupe.seen?('a', 60), @dedupe.seen?('b', 60)]
    @now += 59.9
    assert @dedupe.seen?('a', 60)
    @now += 0.1
    refute @dedupe.seen?('a', 60), 'it was remembered too long, or longer for being asked'
    @dedupe.forget('a')
    @dedupe.forget('never there')
    refute @dedupe.seen?('a', 60)
  end

  def test_an_id_that_is_new_again_is_not_the_oldest
    @dedupe.seen?('a', 10)
    @dedupe.seen?('b', 60)
    @now += 10
    %w[a c d].each { |id| @dedupe.seen?(id, 60) }
    assert @dedupe.seen?('a', 60)
  end

  def test_is_bounded
    10.times { |id| @dedupe.seen?(id.to_s, 60) }
    assert_equal [3, true, false], [@dedupe.size, @dedupe.seen?('7', 60), @dedupe.seen?('6', 60)]
    @now += 60
    @dedupe.seen?('next', 60)
    assert_equal 1, @dedupe.size
    assert_raises(ArgumentError) { Posthorn::MemoryDedupe.new(max_ids: 0) }
  end

  def test_of_many_at_once_one_is_new
    dedupe = Posthorn::MemoryDedupe.new
    fresh = Array.new(8) { Thread.new { (0...500).count { |id| !dedupe.seen?(id.to_s, 60) } } }.sum(&:value)
    assert_equal 500, fresh
  end

  def test_handle_once
    runs = 0
    assert_raises(IOError) { Posthorn.handle_once(@dedupe, 'a') { raise IOError } }
    catch(:halt) { Posthorn.handle_once(@dedupe, 'a') { throw :halt } }
    ran = Array.new(2) { Posthorn.handle_once(@dedupe, 'a') { runs += 1 } }
    assert_equal [[true, false], 1], [ran, runs]
  end
end
