//! The edits: what a slip of the hand in the gateware would look like in its Verilog.

use super::{Mutant, mutant};

const LANE: &str = "backstop_lane";
const ACCOUNTS: &str = "backstop_lane$pipeline$account_store";
const COMPARATOR: &str = "backstop_lane$pipeline$comparator";
const EQUITY: &str = "backstop_lane$pipeline$equity_change";
const PIPELINE: &str = "backstop_lane$pipeline";

pub const MUTANTS: &[Mutant] = &[
    mutant(
        "the comparison with rung_2 is turned round",
        COMPARATOR,
        "crossed_2 = scaled < line_2$product;",
        "crossed_2 = scaled > line_2$product;",
    ),
    mutant(
        "equality is ignored at rung_1",
        COMPARATOR,
        "crossed_1 = scaled <= line_1$product;",
        "crossed_1 = scaled < line_1$product;",
    ),
    mutant(
        "E = 0 is insolvent",
        COMPARATOR,
        "if (line_equity$q[32'h57]) begin",
        "if (line_equity$q[32'h57] | (line_equity$q == 88'd0)) begin",
    ),
    mutant(
        "the offset is ignored",
        COMPARATOR,
        "sum = requirement_wide + offset_wide;",
        "sum = requirement_wide;",
    ),
    mutant("a negative R' is not cut to 0", COMPARATOR, "if (sum[32'h58]) begin", "if (1'b0) begin"),
    mutant(
        "the carry of E is cut at bit 64",
        ACCOUNTS,
        "equity_sum = equity + equity_change;",
        "equity_sum = {equity[89:64] + equity_change[89:64], equity[63:0] + equity_change[63:0]};",
    ),
    mutant(
        "E below the accumulator is not seen",
        ACCOUNTS,
        "((equity_top != 32'h0) & (equity_top != 32'h7))",
        "((equity_top != 32'h0) & ~equity_top[2])",
    ),
    mutant("an account is not forwarded to itself", ACCOUNTS, "if (forward$q) begin", "if (1'b0) begin"),
    mutant(
        "a sweep marks no account bad",
        ACCOUNTS,
        "updated[(64'h107)+:(1)] = marks_bad;",
        "updated[(64'h107)+:(1)] = 1'b0;",
    ),
    mutant("a bad account is updated", ACCOUNTS, "if (~current[(64'h107)+:(1)]) begin", "if (1'b1) begin"),
    mutant(
        "reset leaves the accounts",
        ACCOUNTS,
        "ram$write_enable = apply | clear;",
        "ram$write_enable = apply;",
    ),
    mutant(
        "a severity is not forwarded to itself",
        "backstop_lane$pipeline$severity_store",
        "if (forward$q) begin",
        "if (1'b0) begin",
    ),
    mutant("the weights are swapped", EQUITY, "if (is_short) begin", "if (~is_short) begin"),
    mutant(
        "a falling price raises",
        EQUITY,
        "factor_negative$d = (is_short ^ price_fell) ^ retract;",
        "factor_negative$d = is_short ^ retract;",
    ),
    mutant(
        "the floor of tier 7 is exclusive",
        "backstop_lane$tiers$steps$7",
        "live & (notional >= ram$read_data[(64'h0)+:(59)])",
        "live & (notional > ram$read_data[(64'h0)+:(59)])",
    ),
    mutant(
        "tier 15 is never reached",
        "backstop_lane$tiers$steps$15",
        "live & (notional >= ram$read_data[(64'h0)+:(59)])",
        "1'b0",
    ),
    mutant(
        "the deduction is ignored",
        "backstop_lane$pipeline$requirement",
        "retracted$d = stored_wide + deduction_wide;",
        "retracted$d = stored_wide;",
    ),
    mutant(
        "the stored requirement is not written",
        PIPELINE,
        "written[(64'h3d)+:(80)] = requirement_8$q;",
        "written[(64'h3d)+:(80)] = 80'd0;",
    ),
    mutant(
        "a receipt counts bad accounts",
        PIPELINE,
        "counted = counts & clean;",
        "counted = counts & account_store$valid_out;",
    ),
    mutant(
        "a held record is compared",
        LANE,
        "pipeline$compares = ~(hold | record_check$is_account_readback);",
        "pipeline$compares = ~record_check$is_account_readback;",
    ),
    mutant(
        "a walk leaves out the last account",
        LANE,
        "remaining$d = account_count;",
        "remaining$d = account_count - 1;",
    ),
    mutant("nothing waits for a read-back", LANE, " & (drained | follows);", ";"),
    mutant("a MOVE leaves the count", "backstop_lane$instruments", "if (drop_last) begin", "if (1'b0) begin"),
    mutant(
        "the top bit of the number is not checked",
        "backstop_lane$record_check",
        "if (fields$number != expected) begin",
        "if (fields$number[30:0] != expected[30:0]) begin",
    ),
    mutant("the lock is ignored", "backstop_lane$record_check", "if (locked) begin", "if (1'b0) begin"),
    mutant(
        "rung_3 may rise above rung_2",
        "backstop_lane$state_check",
        "((next_1 < next_2) | (next_2 < next_3))",
        "(next_1 < next_2)",
    ),
    mutant(
        "a commit does not ask for its steps",
        "backstop_lane$state_check",
        "missing = wanted & ~word[(64'h6b)+:(16)];",
        "missing = 16'd0;",
    ),
    mutant(
        "floors may stand still",
        "backstop_lane$tier_scan",
        "(tier[(64'h0)+:(59)] > below$q[(64'h0)+:(59)])",
        "(tier[(64'h0)+:(59)] >= below$q[(64'h0)+:(59)])",
    ),
    mutant(
        "a stranger may move a slot",
        "backstop_lane$slot_check",
        "move_refused = (~is_last | is_stranger)",
        "move_refused = (~is_last)",
    ),
    mutant(
        "a read-back loses the sign of a size",
        "backstop_lane$outbox",
        "if (slot_size[32'h28]) begin",
        "if (1'b0) begin",
    ),
    mutant(
        "the output queue has no reserve",
        "backstop_lane$outbox$queue",
        "below_reserve$d = count$q < room_max;",
        "below_reserve$d = 1'b1;",
    ),
];
