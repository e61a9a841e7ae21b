-- requires: 1
--
-- Where the cadence in force comes from. What the latest start was given by its settings (null: nothing), and when somebody set another since, which outlasts
-- every start that is given none (null: nobody did).
ALTER TABLE posthorn.environments ADD COLUMN cadence_at_start text, ADD COLUMN cadence_changed_at bigint;
