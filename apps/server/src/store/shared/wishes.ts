/**
 * What is asked for by hand of a delivery that is pending, as its column `by_hand` has it: 0 nothing, an odd number an attempt beside its automatic
 * ones, an even one that it was re-sent after its end. Asking once more gives it the next number of its kind: so an attempt that went by an
 * earlier one, and comes back in vain, leaves the later one standing.
 */

/** The first of its kind: beside the automatic attempts, which it leaves as they are. */
export const BESIDE = 1;
/** The first of its kind: the attempt is the first of a new series. */
export const RESENT = 2;

/** The next number, in SQL. Even, so that the kind stays when the numbers begin anew, long before a smallint ends. */
const NUMBERS = 30_000;
export const ASKED_AGAIN = `CASE WHEN by_hand = 0 THEN ${BESIDE} ELSE by_hand % ${NUMBERS} + 2 END`;

export function isResent(byHand: number): boolean {
  return byHand > 0 && byHand % 2 === 0;
}
