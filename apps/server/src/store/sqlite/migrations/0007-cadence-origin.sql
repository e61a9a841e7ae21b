-- Where the cadence in force comes from. What the latest start was given by its settings (null: nothing), and when somebody set another since, which outlasts
-- every start that is given none (null: nobody did).
ALTER TABLE environments ADD COLUMN cadence_at_start TEXT;
ALTER TABLE environments ADD COLUMN cadence_changed_at INTEGER;
