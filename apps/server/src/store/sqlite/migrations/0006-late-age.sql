-- The oldest among those re-sent or made by hand: their numbers do not follow their publish. Nothing that is published or first attempted touches it.
CREATE INDEX deliveries_late_age ON deliveries (lane, published_at) WHERE status = 'pending' AND late = 1;
